# What the rows of sqlite-services/s-z.nix find.
{ lib, ... }:
let
  inherit (import ./rows.nix lib)
    at
    file
    none
    ofUser
    row
    servarr
    serviceOf
    ;
in
{
  testSabnzbd = at "sabnzbd" {
    configFile = null;
    stateDir = "nzb";
  } "/var/lib/nzb/admin/history1.db";
  testSabnzbdByFile = at "sabnzbd" { configFile = "/srv/nzb/my.ini"; } "/srv/nzb/admin/history1.db";
  testSchleuder = serviceOf "schleuder" {
    settings = { };
  } "schleuder-api-daemon" "/var/lib/schleuder/db.sqlite";
  testSchleuderOnServer = none "schleuder" { settings.database.production.adapter = "postgresql"; };
  testScrutiny = at "scrutiny" { } "/var/lib/scrutiny/scrutiny.db";
  testSeerr = at "seerr" { configDir = "/var/lib/seerr/"; } "/var/lib/seerr/db/db.sqlite3";
  testSelfoss = ofUser "selfoss" {
    database.type = "sqlite";
    user = "nginx";
  } "nginx" "/var/lib/selfoss/data/sqlite/selfoss.db";
  testSelfossOnServer = none "selfoss" { database.type = "pgsql"; };
  testSftpgo = at "sftpgo" {
    dataDir = "/srv/sftpgo";
    settings = { };
  } "/srv/sftpgo/sftpgo.db";
  testSftpgoOnServer = none "sftpgo" { settings.data_provider.driver = "postgresql"; };
  testShiori = at "shiori" { databaseUrl = null; } "/var/lib/shiori/shiori.db";
  testShioriOnServer = none "shiori" { databaseUrl = "postgres:///shiori"; };
  testShoko = at "shoko" { } "/var/lib/shoko/SQLite/JMMServer.db3";
  testSlskd = at "slskd" { } "/var/lib/slskd/data/*.db";
  testSnips = at "snips-sh" { stateDir = "/srv/snips"; } "/srv/snips/data/snips.db";
  testSoftServe = at "soft-serve" {
    settings.db.data_source = "git.db?_pragma=foreign_keys(1)";
  } "/var/lib/soft-serve/git.db";
  testSoftServeOnServer = none "soft-serve" { settings.db.driver = "postgres"; };
  testSoju = at "soju" { extraConfig = "title db"; } "/var/lib/soju/soju.db";
  testSojuElsewhere = none "soju" { extraConfig = "title home\ndb sqlite3 /srv/soju.db"; };
  testSonarr = servarr "sonarr" "sonarr.db";
  testSpire = serviceOf "spire" {
    server.settings.plugins.DataStore.sql.plugin_data = {
      database_type = "sqlite3";
      connection_string = "$STATE_DIRECTORY/datastore.sqlite3";
    };
  } "spire-server" "/var/lib/spire/server/datastore.sqlite3";
  testSpireOnServer = none "spire" {
    server.settings.plugins.DataStore.sql.plugin_data.database_type = "postgres";
  };
  testSpoolman = at "spoolman" { environment = { }; } "/var/lib/spoolman/spoolman.db";
  testSpoolmanOnServer = none "spoolman" { environment.SPOOLMAN_DB_TYPE = "postgres"; };
  testStash = at "stash" { settings.database = "/srv/stash/go.sqlite"; } "/srv/stash/go.sqlite";
  testTabby = at "tabby" { } "/var/lib/tabby/ee/db.sqlite";
  testTandoor = at "tandoor-recipes" { extraConfig = { }; } "/var/lib/tandoor-recipes/db.sqlite3";
  testTandoorOnServer = none "tandoor-recipes" { database.createLocally = true; };
  testTaskchampion = at "taskchampion-sync-server" {
    dataDir = "/srv/tasks";
  } "/srv/tasks/taskchampion-sync-server.sqlite3";
  testTautulli = at "tautulli" { dataDir = "/srv/tautulli"; } "/srv/tautulli/tautulli.db";
  testTeamspeak = serviceOf "teamspeak3" {
    dataDir = "/srv/teamspeak";
  } "teamspeak3-server" "/srv/teamspeak/ts3server.sqlitedb";
  testThelounge = at "thelounge" { extraConfig = { }; } "/var/lib/thelounge/logs/*.sqlite3";
  testTheloungeInFiles = none "thelounge" { extraConfig.messageStorage = [ "text" ]; };
  testTinyauth = at "tinyauth" { dataDir = "/srv/tinyauth"; } "/srv/tinyauth/tinyauth.db";
  testTlsrpt =
    row "tlsrpt"
      {
        collectd.settings.storage = "sqlite:///var/lib/tlsrpt/collectd.sqlite";
        reportd.settings.dbname = "/var/lib/tlsrpt/reportd.sqlite";
      }
      {
        tlsrpt-collectd = {
          file = "/var/lib/tlsrpt/collectd.sqlite";
          service = "tlsrpt-collectd";
        };
        tlsrpt-reportd = {
          file = "/var/lib/tlsrpt/reportd.sqlite";
          service = "tlsrpt-reportd";
        };
      };
  testTrilium = at "trilium-server" { dataDir = "/srv/trilium"; } "/srv/trilium/document.db";
  testTuptime = at "tuptime" { } "/var/lib/tuptime/tuptime.db";
  testUptimeKuma = at "uptime-kuma" {
    settings.DATA_DIR = "/var/lib/uptime-kuma/";
  } "/var/lib/uptime-kuma/kuma.db";
  testUptimeKumaElsewhere = at "uptime-kuma" {
    settings.DATA_DIR = "/srv/kuma";
  } "/srv/kuma/kuma.db";
  testVaultwarden = at "vaultwarden" {
    dbBackend = "sqlite";
    config = { };
  } "/var/lib/vaultwarden/db.sqlite3";
  testVaultwardenNull = at "vaultwarden" {
    dbBackend = "sqlite";
    config.DATA_FOLDER = null;
  } "/var/lib/vaultwarden/db.sqlite3";
  testVaultwardenFolder = at "vaultwarden" {
    dbBackend = "sqlite";
    config.dataFolder = "/srv/vault";
  } "/srv/vault/db.sqlite3";
  testVaultwardenUrl = at "vaultwarden" {
    dbBackend = "sqlite";
    config.DATABASE_URL = "/srv/vault.db";
  } "/srv/vault.db";
  testVikunja = at "vikunja" {
    database = {
      type = "sqlite";
      path = "/srv/vikunja.db";
    };
  } "/srv/vikunja.db";
  testVnstat = at "vnstat" { } "/var/lib/vnstat/vnstat.db";
  testWakapi = at "wakapi" { settings = { }; } "/var/lib/wakapi/wakapi_db.db";
  testWakapiRelative = at "wakapi" {
    stateDir = "/srv/wakapi";
    settings.db = {
      dialect = null;
      name = "times.db";
    };
  } "/srv/wakapi/times.db";
  testWarpgate = at "warpgate" {
    settings.database_url = "sqlite:/var/lib/warpgate/db";
  } "/var/lib/warpgate/db/db.sqlite3";
  testWarpgateSecret = none "warpgate" {
    settings.database_url = null;
    databaseUrlFile = "/run/secrets/warpgate";
  };
  testWastebin = at "wastebin" {
    settings.WASTEBIN_DATABASE_PATH = "/srv/pastes.db";
  } "/srv/pastes.db";
  testWgAccessServer = at "wg-access-server" {
    settings.storage = "sqlite3://db.sqlite";
  } "/var/lib/wg-access-server/db.sqlite";
  testWgAccessServerElsewhere = at "wg-access-server" {
    settings.storage = "sqlite3:///srv/wg.sqlite";
  } "/srv/wg.sqlite";
  testWhisparr = servarr "whisparr" "whisparr*.db";
  testWoodpecker = at "woodpecker-server" { } "/var/lib/woodpecker-server/woodpecker.sqlite";
  testWoodpeckerOnServer = none "woodpecker-server" {
    environment.WOODPECKER_DATABASE_DRIVER = "postgres";
  };
  testWorkoutTracker = at "workout-tracker" {
    settings = { };
  } "/var/lib/workout-tracker/database.db";
  testWorkoutTrackerOnServer = none "workout-tracker" { settings.WT_DATABASE_DRIVER = "postgres"; };
  testWritefreely = at "writefreely" {
    stateDir = "/srv/write";
    database.type = "sqlite3";
  } "/srv/write/writefreely.db";
  testWritefreelyOnServer = none "writefreely" { database.type = "mysql"; };
  testYarr = at "yarr" { } "/var/lib/yarr/storage.db";
  testSickbeard = at "sickbeard" { dataDir = "/srv/sick"; } "/srv/sick/sickbeard.db";
  testSpeedtestTracker = serviceOf "speedtest-tracker" {
    settings.DB_CONNECTION = "sqlite";
    settings.DB_DATABASE = "/srv/speed/database.sqlite";
  } "speedtest-tracker-queue-worker" "/srv/speed/database.sqlite";
  testSpeedtestTrackerOnServer = none "speedtest-tracker" { settings.DB_CONNECTION = "pgsql"; };
  testStrichliste = ofUser "strichliste" {
    environment.DATABASE_URL = "sqlite:////var/lib/strichliste/db.sqlite";
  } "strichliste" "/var/lib/strichliste/db.sqlite";
  testStrichlisteOnServer = none "strichliste" { environment.DATABASE_URL = "postgresql:///tally"; };
  testStump = at "stump" { configLocation = "/srv/stump"; } "/srv/stump/stump.db";
  testSympa = file "sympa" {
    database = {
      type = "SQLite";
      name = "/var/lib/sympa/sympa.sqlite";
    };
  } "/var/lib/sympa/sympa.sqlite";
  testSympaOnServer = none "sympa" { database.type = "MySQL"; };
  testWealthfolio = at "wealthfolio" { } "/var/lib/wealthfolio/wealthfolio.db";
}
