{ lib, tools, ... }:
let
  inherit (tools)
    below
    gone
    inSqlalchemyUrl
    inUrl
    instances
    isSqlite
    mautrix
    orElse
    servarr
    when
    ;
in
{
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
      healthchecks = below (service.dataDir or gone) (service.settings.DB_NAME or gone);
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
  # web-apps/isso.nix
  isso = service: { isso = service.settings.general.dbpath or gone; };
  # misc/jellyfin.nix
  jellyfin = service: { jellyfin = below (service.dataDir or gone) "data/jellyfin.db"; };
  # web-apps/kanboard.nix
  kanboard =
    service:
    when (service.settings.DB_DRIVER or "sqlite" == "sqlite") {
      kanboard = {
        file = below (service.dataDir or gone) "db.sqlite";
        service = null;
        user = service.user or gone;
      };
    };
  # security/kanidm.nix
  kanidm = service: { kanidm = service.server.settings.db_path or gone; };
  # web-apps/karakeep.nix
  karakeep = service: {
    karakeep = {
      file = below (service.extraEnvironment.DATA_DIR or "/var/lib/karakeep") "db.db";
      service = "karakeep-web";
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
        linkding = below (service.dataDir or gone) "db.sqlite3";
      };
  # databases/lldap.nix
  lldap =
    service:
    let
      url =
        service.environment.LLDAP_DATABASE_URL or (service.settings.database_url or "sqlite://users.db");
    in
    when (isSqlite url) { lldap = inUrl "/var/lib/lldap" url; };
  # matrix/synapse.nix
  matrix-synapse =
    service:
    when (service.settings.database.name or gone == "sqlite3") {
      matrix-synapse = below (service.dataDir or gone) (service.settings.database.args.database or gone);
    };
  # matrix/mautrix-discord.nix
  mautrix-discord =
    service: mautrix "mautrix-discord" (service.dataDir or gone) (service.settings or gone);
  # matrix/mautrix-meta.nix
  mautrix-meta = instances "mautrix-meta" (
    name: instance: mautrix name "/var/lib/${instance.dataDir or gone}" (instance.settings or gone)
  );
  # matrix/mautrix-signal.nix
  mautrix-signal =
    service: mautrix "mautrix-signal" "/var/lib/mautrix-signal" (service.settings or gone);
  # matrix/mautrix-telegram.nix
  mautrix-telegram =
    service: mautrix "mautrix-telegram" "/var/lib/mautrix-telegram" (service.settings or gone);
  # matrix/mautrix-whatsapp.nix
  mautrix-whatsapp =
    service: mautrix "mautrix-whatsapp" "/var/lib/mautrix-whatsapp" (service.settings or gone);
  # web-apps/mealie.nix
  mealie =
    service:
    when (service.settings.DB_ENGINE or "sqlite" == "sqlite") {
      mealie = below (service.settings.DATA_DIR or "/var/lib/mealie") "mealie.db";
    };
  # misc/memos.nix
  memos =
    service:
    let
      settings = service.settings or gone;
      name = settings.MEMOS_DSN or "memos_${settings.MEMOS_MODE or "prod"}.db";
    in
    when (settings.MEMOS_DRIVER or "sqlite" == "sqlite") {
      memos = below (settings.MEMOS_DATA or service.dataDir or gone) name;
    };
  # web-apps/microbin.nix
  microbin =
    service:
    let
      json = service.settings.MICROBIN_JSON_DB or false;
      directory = service.settings.MICROBIN_DATA_DIR or "microbin_data";
    in
    when (json == false || json == "false") {
      microbin = below (below (service.dataDir or gone) directory) "database.sqlite";
    };
  # misc/mollysocket.nix
  mollysocket = service: {
    mollysocket = below "/var/lib/mollysocket" (service.settings.db or "mollysocket.db");
  };
  # networking/murmur.nix
  murmur =
    service:
    when (!(lib.hasInfix "dbDriver" (service.extraConfig or gone))) {
      murmur = below (service.stateDir or gone) "murmur.sqlite";
    };
}
