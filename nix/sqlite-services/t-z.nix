{
  config,
  lib,
  tools,
  ...
}:
let
  inherit (tools)
    below
    gone
    inUrl
    isSqlite
    orElse
    servarr
    when
    ;
in
{
  # misc/tabby.nix
  tabby = _: { tabby = "/var/lib/tabby/ee/db.sqlite"; };
  # misc/tandoor-recipes.nix
  tandoor-recipes =
    service:
    when
      (
        !(service.database.createLocally or false)
        && lib.hasSuffix "sqlite3" (service.extraConfig.DB_ENGINE or "sqlite3")
      )
      {
        tandoor-recipes = below "/var/lib/tandoor-recipes" (
          service.extraConfig.POSTGRES_DB or "db.sqlite3"
        );
      };
  # misc/taskchampion-sync-server.nix
  taskchampion-sync-server = service: {
    taskchampion-sync-server = below (service.dataDir or gone) "taskchampion-sync-server.sqlite3";
  };
  # misc/tautulli.nix
  tautulli = service: { tautulli = below (service.dataDir or gone) "tautulli.db"; };
  # networking/teamspeak3.nix
  teamspeak3 = service: {
    teamspeak3 = {
      file = below (service.dataDir or gone) "ts3server.sqlitedb";
      service = "teamspeak3-server";
    };
  };
  # networking/thelounge.nix: a file of messages for each user.
  thelounge =
    service:
    when
      (lib.elem "sqlite" (
        service.extraConfig.messageStorage or [
          "sqlite"
          "text"
        ]
      ))
      {
        thelounge = "/var/lib/thelounge/logs/*.sqlite3";
      };
  # security/tinyauth.nix
  tinyauth = service: { tinyauth = below (service.dataDir or gone) "tinyauth.db"; };
  # mail/tlsrpt.nix
  tlsrpt =
    service:
    let
      storage = service.collectd.settings.storage or gone;
    in
    {
      tlsrpt-reportd = {
        file = service.reportd.settings.dbname or gone;
        service = "tlsrpt-reportd";
      };
    }
    // when (isSqlite storage) {
      tlsrpt-collectd = {
        file = inUrl "/var/lib/tlsrpt" storage;
        service = "tlsrpt-collectd";
      };
    };
  # web-apps/trilium.nix
  trilium-server = service: { trilium-server = below (service.dataDir or gone) "document.db"; };
  # monitoring/tuptime.nix
  tuptime = _: { tuptime = "/var/lib/tuptime/tuptime.db"; };
  # monitoring/uptime-kuma.nix
  uptime-kuma =
    service:
    when (service.settings.UPTIME_KUMA_DB_TYPE or "sqlite" == "sqlite") {
      uptime-kuma = below (service.settings.DATA_DIR or "/var/lib/uptime-kuma") "kuma.db";
    };
  # security/vaultwarden/default.nix
  vaultwarden =
    service:
    let
      state =
        if lib.versionAtLeast config.system.stateVersion "24.11" then
          "/var/lib/vaultwarden"
        else
          "/var/lib/bitwarden_rs";
      setting = upper: camel: orElse (service.config.${camel} or null) (service.config.${upper} or null);
      folder = orElse state (setting "DATA_FOLDER" "dataFolder");
      url = orElse "${folder}/db.sqlite3" (setting "DATABASE_URL" "databaseUrl");
    in
    when (service.dbBackend or gone == "sqlite") { vaultwarden = inUrl state url; };
  # web-apps/vikunja.nix
  vikunja =
    service:
    when (service.database.type or gone == "sqlite") { vikunja = service.database.path or gone; };
  # monitoring/vnstat.nix
  vnstat = _: { vnstat = "/var/lib/vnstat/vnstat.db"; };
  # web-apps/wakapi.nix
  wakapi =
    service:
    let
      database = orElse { } (service.settings.db or null);
      file = orElse "wakapi_db.db" (database.name or null);
    in
    when (orElse "sqlite3" (database.dialect or null) == "sqlite3") {
      wakapi = inUrl (service.stateDir or "/var/lib/wakapi") file;
    };
  # security/warpgate.nix: the URL is that of a directory.
  warpgate =
    service:
    let
      url = orElse "" (service.settings.database_url or gone);
    in
    when (isSqlite url && service.databaseUrlFile or null == null) {
      warpgate = below (inUrl "/var/lib/warpgate" url) "db.sqlite3";
    };
  # misc/wastebin.nix
  wastebin = service: { wastebin = service.settings.WASTEBIN_DATABASE_PATH or gone; };
  # web-apps/wealthfolio.nix
  wealthfolio = _: { wealthfolio = "/var/lib/wealthfolio/wealthfolio.db"; };
  # networking/wg-access-server.nix
  wg-access-server =
    service:
    let
      storage = service.settings.storage or gone;
    in
    when (isSqlite storage) {
      wg-access-server = inUrl "/var/lib/wg-access-server" (lib.removePrefix "sqlite3:" storage);
    };
  # misc/servarr/whisparr.nix: whisparr2.db or whisparr3.db
  whisparr = servarr "whisparr" "whisparr*.db";
  # continuous-integration/woodpecker/server.nix
  woodpecker-server =
    service:
    when (service.environment.WOODPECKER_DATABASE_DRIVER or "sqlite3" == "sqlite3") {
      woodpecker-server = inUrl "/var/lib/woodpecker-server" (
        service.environment.WOODPECKER_DATABASE_DATASOURCE or "woodpecker.sqlite"
      );
    };
  # misc/workout-tracker.nix
  workout-tracker =
    service:
    when (service.settings.WT_DATABASE_DRIVER or "sqlite" == "sqlite") {
      workout-tracker = inUrl "/var/lib/workout-tracker" (service.settings.WT_DSN or "./database.db");
    };
  # web-apps/writefreely.nix
  writefreely =
    service:
    when (service.database.type or gone == "sqlite3") {
      writefreely = below (service.stateDir or gone) (
        service.settings.database.filename or "writefreely.db"
      );
    };
  # misc/yarr.nix
  yarr = _: { yarr = "/var/lib/yarr/storage.db"; };
}
