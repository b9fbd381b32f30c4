{ lib, tools, ... }:
let
  inherit (tools)
    below
    gone
    inUrl
    instances
    isSqlite
    orElse
    when
    ;
in
{
  # web-apps/actual.nix
  actual = service: {
    actual-account = below (service.settings.serverFiles or gone) "account.sqlite";
    actual-budgets = below (service.settings.userFiles or gone) "*.sqlite";
  };
  # misc/anki-sync-server.nix
  anki-sync-server =
    service:
    let
      directory = lib.replaceStrings [ "%S" "%N" ] [ "/var/lib" "anki-sync-server" ] (
        service.baseDirectory or gone
      );
    in
    lib.listToAttrs (
      map
        (user: {
          name = "anki-sync-server-${user.username}";
          value = {
            file = below directory "${user.username}/collection.anki2";
            service = "anki-sync-server";
          };
        })
        (lib.filter (user: builtins.match "[A-Za-z0-9._-]+" user.username != null) (service.users or gone))
    );
  # networking/atticd.nix
  atticd =
    service:
    let
      url = service.settings.database.url or gone;
    in
    when (isSqlite url) { atticd = inUrl "/" url; };
  # web-apps/audiobookshelf.nix
  audiobookshelf = service: {
    audiobookshelf = below (below "/var/lib" (service.dataDir or gone)) "config/absdatabase.sqlite";
  };
  # security/authelia.nix
  authelia = instances "authelia" (
    name: instance:
    let
      path = instance.settings.storage.local.path or null;
    in
    when (path != null) { ${name} = path; }
  );
  # misc/autobrr.nix
  autobrr =
    service:
    when (isSqlite (service.settings.databaseType or "sqlite")) {
      autobrr = "/var/lib/autobrr/autobrr.db";
    };
  # web-apps/baikal.nix
  baikal = service: {
    baikal = {
      file = "/var/lib/baikal/specific/db/db.sqlite";
      service = null;
      user = service.user or gone;
    };
  };
  # misc/bazarr.nix
  bazarr = service: { bazarr = below (service.dataDir or gone) "db/bazarr.db"; };
  # networking/biboumi.nix
  biboumi =
    service:
    let
      name = service.settings.db_name or gone;
      secret = name == null;
    in
    when (secret || !(lib.hasPrefix "postgres" name)) {
      biboumi = {
        file = if secret then "/var/lib/biboumi/biboumi.sqlite" else below "/var/lib/biboumi" name;
        doubt = if secret then "credentialsFile" else null;
      };
    };
  # web-apps/calibre-web.nix
  calibre-web = service: {
    calibre-web = below (below "/var/lib" (service.dataDir or gone)) "app.db";
  };
  # web-apps/chhoto-url.nix
  chhoto-url = service: { chhoto-url = service.settings.db_url or gone; };
  # torrent/cross-seed.nix
  cross-seed = service: { cross-seed = below (service.configDir or gone) "cross-seed.db"; };
  # misc/domoticz.nix
  domoticz = _: { domoticz = "/var/lib/domoticz/domoticz.db"; };
  # misc/ersatztv.nix
  ersatztv = service: {
    ersatztv = below (service.environment.ETV_CONFIG_FOLDER or "/var/lib/ersatztv/config"
    ) "ersatztv.sqlite3";
  };
  # misc/etebase-server.nix
  etebase-server =
    service:
    let
      database = service.settings.database or gone;
    in
    when (database.engine or gone == "django.db.backends.sqlite3") {
      etebase-server = below (service.dataDir or gone) (database.name or gone);
    };
  # home-automation/evcc.nix: HOME is /var/lib/evcc.
  evcc =
    service:
    let
      database = service.settings.database or { };
    in
    when (isSqlite (database.type or "sqlite")) {
      evcc = below "/var/lib/evcc" (lib.removePrefix "~/" (database.dsn or "~/.evcc/evcc.db"));
    };
  # security/fail2ban.nix
  fail2ban =
    service:
    let
      dbfile = service.daemonSettings.Definition.dbfile or gone;
    in
    when (lib.hasPrefix "/" dbfile) { fail2ban = dbfile; };
  # web-apps/firefly-iii.nix
  firefly-iii =
    service:
    when (service.settings.DB_CONNECTION or gone == "sqlite") {
      firefly-iii = {
        file =
          service.settings.DB_DATABASE
            or (below (service.dataDir or gone) "storage/database/database.sqlite");
        service = "firefly-iii-setup";
      };
    };
  # misc/forgejo.nix
  forgejo =
    service:
    when (service.database.type or gone == "sqlite3") { forgejo = service.database.path or gone; };
  # video/frigate.nix
  frigate = service: { frigate = service.settings.database.path or gone; };
  # web-apps/gancio.nix
  gancio =
    service:
    when (service.settings.db.dialect or gone == "sqlite") {
      gancio = service.settings.db.storage or gone;
    };
  # monitoring/gatus.nix
  gatus =
    service:
    let
      storage = orElse { } (service.settings.storage or null);
    in
    when (storage.type or null == "sqlite" && storage.path or null != null) {
      gatus = below "/" storage.path;
    };
  # misc/gitea.nix
  gitea =
    service:
    when (service.database.type or gone == "sqlite3") { gitea = service.database.path or gone; };
  # web-apps/goatcounter.nix
  goatcounter =
    service:
    when
      (!(lib.any (argument: builtins.match "--?db(=.*)?" argument != null) (service.extraArgs or gone)))
      {
        goatcounter = "/var/lib/goatcounter/goatcounter-data/db.sqlite3";
      };
  # audio/gonic.nix
  gonic = service: { gonic = below "/var/lib/gonic" (service.settings.db-path or "gonic.db"); };
  # web-apps/gotify-server.nix
  gotify =
    service:
    when (service.environment.GOTIFY_DATABASE_DIALECT or "sqlite3" == "sqlite3") {
      gotify = {
        file = below "/var/lib/${service.stateDirectoryName or gone}" (
          service.environment.GOTIFY_DATABASE_CONNECTION or "data/gotify.db"
        );
        service = "gotify-server";
      };
    };
  # web-apps/gotosocial.nix
  gotosocial =
    service:
    when (service.settings.db-type or gone == "sqlite") {
      gotosocial = below "/var/lib/gotosocial" (service.settings.db-address or gone);
    };
  # monitoring/grafana.nix
  grafana =
    service:
    when (service.settings.database.type or gone == "sqlite3") {
      grafana = service.settings.database.path or gone;
    };
  # web-apps/grocy.nix
  grocy = service: {
    grocy = {
      file = below (service.dataDir or gone) "grocy.db";
      service = null;
      user = "grocy";
    };
  };
}
