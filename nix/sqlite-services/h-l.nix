{ lib, tools, ... }:
let
  inherit (tools)
    below
    gone
    inSqlalchemyUrl
    inUrl
    isSqlite
    orElse
    servarr
    when
    ;
in
{
  # web-apps/hatsu.nix
  hatsu =
    service:
    let
      url = service.settings.HATSU_DATABASE_URL or gone;
    in
    when (isSqlite url) { hatsu = inUrl "/var/lib/hatsu" url; };
  # misc/headphones.nix
  headphones = service: { headphones = below (service.dataDir or gone) "headphones.db"; };
  # networking/headplane.nix
  headplane = service: {
    headplane = below (service.settings.server.data_path or gone) "hp_persist.db";
  };
  # networking/headscale.nix
  headscale =
    service:
    let
      database = service.settings.database or gone;
    in
    when (isSqlite (database.type or gone) && database.sqlite.path or gone != null) {
      headscale = below "/var/lib/headscale" (database.sqlite.path or gone);
    };
  # web-apps/healthchecks.nix
  healthchecks =
    service:
    when (service.settings.DB or gone == "sqlite") {
      healthchecks = {
        file = below (service.dataDir or gone) (service.settings.DB_NAME or gone);
        stoppedServices = [
          "healthchecks"
          "healthchecks-migration"
          "healthchecks-sendalerts"
          "healthchecks-sendreports"
        ];
      };
    };
  # web-apps/hedgedoc.nix
  hedgedoc =
    service:
    let
      db = service.settings.db or gone;
    in
    when (!(service ? settings.dbURL) && db.dialect or null == "sqlite" && db ? storage) {
      hedgedoc = db.storage or gone;
    };
  # home-automation/home-assistant.nix
  home-assistant =
    service:
    let
      recorder = orElse { } ((orElse { } (service.config or gone)).recorder or null);
      url = orElse "" (recorder.db_url or null);
      secret = lib.hasPrefix "!secret" url;
    in
    when (url == "" || secret || isSqlite url) {
      home-assistant = {
        file =
          if isSqlite url then
            inSqlalchemyUrl (service.configDir or gone) url
          else
            below (service.configDir or gone) "home-assistant_v2.db";
        doubt = if secret then "config.recorder.db_url" else null;
      };
    };
  # web-apps/homebox.nix
  homebox =
    service:
    when (service.settings.HBOX_DATABASE_DRIVER or gone == "sqlite3") {
      homebox = inUrl "/" (service.settings.HBOX_DATABASE_SQLITE_PATH or gone);
    };
  # web-apps/honk.nix: honk.db, and blob.db with the attachments.
  honk = _: { honk = "/var/lib/honk/*.db"; };
  # web-apps/isso.nix
  isso = service: { isso = service.settings.general.dbpath or gone; };
  # misc/jellyfin.nix
  jellyfin = service: { jellyfin = below (service.dataDir or gone) "data/jellyfin.db"; };
  # development/jupyterhub/default.nix
  jupyterhub =
    service:
    when (!(lib.hasInfix "db_url" (service.extraConfig or gone))) {
      jupyterhub = below "/var/lib/${service.stateDirectory or gone}" "jupyterhub.sqlite";
    };
  # web-apps/kanboard.nix
  kanboard =
    service:
    when (service.settings.DB_DRIVER or "sqlite" == "sqlite") {
      kanboard = {
        file = below (service.dataDir or gone) "db.sqlite";
        service = null;
        user = service.user or gone;
        stoppedServices = [ "phpfpm-kanboard" ];
      };
    };
  # security/kanidm.nix
  kanidm = service: { kanidm = service.server.settings.db_path or gone; };
  # web-apps/karakeep.nix
  karakeep = service: {
    karakeep = {
      file = below (service.extraEnvironment.DATA_DIR or "/var/lib/karakeep") "db.db";
      service = "karakeep-web";
      stoppedServices = [
        "karakeep-init"
        "karakeep-web"
        "karakeep-workers"
      ];
    };
  };
  # web-apps/kavita.nix
  kavita = service: { kavita = below (service.dataDir or gone) "config/kavita.db"; };
  # web-apps/komga.nix
  komga = service: {
    komga =
      service.settings.komga.database.file or (below (service.stateDir or gone) "database.sqlite");
  };
  # misc/servarr/lidarr.nix
  lidarr = servarr "lidarr" "lidarr.db";
  # web-apps/linkding.nix
  linkding =
    service:
    when
      (service.database.type or gone == "sqlite" && service.settings.LD_DB_ENGINE or "sqlite" == "sqlite")
      {
        linkding = {
          file = below (service.dataDir or gone) "db.sqlite3";
          stoppedServices = [
            "linkding"
            "linkding-background-tasks"
            "linkding-setup"
          ];
        };
      };
  # databases/lldap.nix
  lldap =
    service:
    let
      url =
        service.environment.LLDAP_DATABASE_URL or (service.settings.database_url or "sqlite://users.db");
    in
    when (isSqlite url) { lldap = inUrl "/var/lib/lldap" url; };
}
