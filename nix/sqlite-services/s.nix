{
  lib,
  tools,
  ...
}:
let
  inherit (tools)
    below
    gone
    inSqlalchemyUrl
    inUrl
    isSqlite
    servarr
    when
    ;
in
{
  # networking/sabnzbd/default.nix
  sabnzbd =
    service:
    let
      configFile = service.configFile or null;
      directory =
        if configFile == null then "/var/lib/${service.stateDir or "sabnzbd"}" else dirOf configFile;
    in
    {
      sabnzbd = below (below directory (service.settings.misc.admin_dir or "admin")) "history1.db";
    };
  # mail/schleuder.nix
  schleuder =
    service:
    let
      database = service.settings.database.production or { };
    in
    when (isSqlite (database.adapter or "sqlite3")) {
      schleuder = {
        file = database.database or "/var/lib/schleuder/db.sqlite";
        service = "schleuder-api-daemon";
        # Mail starts programs of Postfix, which use the file, too.
        stoppedServices = [
          "schleuder-api-daemon"
          "schleuder-weekly-key-maintenance"
        ];
      };
    };
  # monitoring/scrutiny.nix
  scrutiny = _: { scrutiny = "/var/lib/scrutiny/scrutiny.db"; };
  # misc/seerr.nix
  seerr =
    service:
    when (service.database.type or "sqlite" == "sqlite") {
      seerr = below (service.configDir or gone) "db/db.sqlite3";
    };
  # web-apps/selfoss.nix
  selfoss =
    service:
    when (service.database.type or gone == "sqlite") {
      selfoss = {
        file = "/var/lib/selfoss/data/sqlite/selfoss.db";
        service = null;
        user = service.user or gone;
        stoppedServices = [
          "phpfpm-${service.pool or "selfoss_pool"}"
          "selfoss-update"
        ];
      };
    };
  # web-apps/sftpgo.nix
  sftpgo =
    service:
    let
      provider = service.settings.data_provider or { };
    in
    when (provider.driver or "sqlite" == "sqlite") {
      sftpgo = below (service.dataDir or gone) (provider.name or "sftpgo.db");
    };
  # web-apps/shiori.nix
  shiori =
    service: when (service.databaseUrl or gone == null) { shiori = "/var/lib/shiori/shiori.db"; };
  # misc/shoko.nix
  shoko = _: { shoko = "/var/lib/shoko/SQLite/JMMServer.db3"; };
  # misc/sickbeard.nix
  sickbeard = service: { sickbeard = below (service.dataDir or gone) "sickbeard.db"; };
  # web-apps/slskd.nix: transfers, messages, searches and events.
  slskd = _: { slskd = "/var/lib/slskd/data/*.db"; };
  # web-apps/snips-sh.nix
  snips-sh = service: {
    snips-sh = below (service.stateDir or gone) (service.settings.SNIPS_DB_FILEPATH or "data/snips.db");
  };
  # misc/soft-serve.nix
  soft-serve =
    service:
    let
      database = service.settings.db or { };
    in
    when (isSqlite (database.driver or "sqlite")) {
      soft-serve = inUrl "/var/lib/soft-serve" (database.data_source or "soft-serve.db");
    };
  # networking/soju.nix
  soju =
    service:
    let
      lines = lib.splitString "\n" (service.extraConfig or gone);
    in
    when (!(lib.any (line: builtins.match "[ \t]*db[ \t].*" line != null) lines)) {
      soju = "/var/lib/soju/soju.db";
    };
  # misc/servarr/sonarr.nix
  sonarr = servarr "sonarr" "sonarr.db";
  # web-apps/speedtest-tracker.nix
  speedtest-tracker =
    service:
    when (isSqlite (service.settings.DB_CONNECTION or gone)) {
      speedtest-tracker = {
        file = service.settings.DB_DATABASE or gone;
        service = "speedtest-tracker-queue-worker";
        stoppedServices = [
          "phpfpm-speedtest-tracker"
          "speedtest-tracker-queue-worker"
          "speedtest-tracker-scheduler"
          "speedtest-tracker-setup"
        ];
      };
    };
  # security/spire/server.nix
  spire =
    service:
    let
      data = service.server.settings.plugins.DataStore.sql.plugin_data or { };
    in
    when (data.database_type or null == "sqlite3") {
      spire = {
        file = lib.replaceStrings [ "$STATE_DIRECTORY" ] [ "/var/lib/spire/server" ] data.connection_string;
        service = "spire-server";
      };
    };
  # misc/spoolman.nix
  spoolman =
    service:
    when (service.environment.SPOOLMAN_DB_TYPE or "sqlite" == "sqlite") {
      spoolman = below (service.environment.SPOOLMAN_DIR_DATA or "/var/lib/spoolman") "spoolman.db";
    };
  # web-apps/stash.nix
  stash = service: { stash = service.settings.database or gone; };
  # web-apps/strichliste.nix
  strichliste =
    service:
    let
      url = service.environment.DATABASE_URL or gone;
    in
    when (isSqlite url) {
      strichliste = {
        file = inSqlalchemyUrl "/var/lib/strichliste" url;
        service = null;
        user = "strichliste";
        stoppedServices = [
          "phpfpm-strichliste"
          "strichliste-migrate"
        ];
      };
    };
  # web-apps/stump.nix
  stump = service: { stump = below (service.configLocation or gone) "stump.db"; };
  # mail/sympa.nix
  sympa =
    service:
    when (service.database.type or gone == "SQLite") {
      sympa = {
        file = service.database.name or gone;
        stoppedServices = [
          "sympa"
          "sympa-archive"
          "sympa-bounce"
          "sympa-bulk"
          "sympa-task"
          "wwsympa"
        ];
      };
    };
}
