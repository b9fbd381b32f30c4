# What the rows of sqlite-services/n-z.nix find.
{ lib, ... }:
let
  inherit (import ./rows.nix lib)
    at
    file
    none
    row
    serviceOf
    servarr
    ;
in
{
  testN8n = at "n8n" {
    environment.N8N_USER_FOLDER = "/var/lib/n8n";
  } "/var/lib/n8n/.n8n/database.sqlite";
  testN8nOnServer = none "n8n" { environment.DB_TYPE = "postgresdb"; };
  testNavidrome = at "navidrome" { settings = { }; } "/var/lib/navidrome/navidrome.db";
  testNavidromeFolder = at "navidrome" {
    settings.DataFolder = "/srv/music";
  } "/srv/music/navidrome.db";
  testNavidromePath = at "navidrome" {
    settings.DbPath = "/srv/navidrome.db?cache=shared";
  } "/srv/navidrome.db";
  testNextcloud =
    row "nextcloud"
      {
        datadir = "/var/lib/nextcloud";
        config = {
          dbtype = "sqlite";
          dbname = null;
        };
      }
      {
        nextcloud = {
          file = "/var/lib/nextcloud/data/nextcloud.db";
          service = "nextcloud-setup";
        };
      };
  testNtfy =
    row "ntfy-sh"
      {
        settings = {
          auth-file = "/srv/user.db";
          cache-file = "";
          web-push-file = "/srv/push.db";
        };
      }
      {
        ntfy-sh-auth = "/srv/user.db";
        ntfy-sh-web-push = "/srv/push.db";
      };
  testOmbi = at "ombi" { dataDir = "/srv/ombi"; } "/srv/ombi/Ombi*.db";
  testOpenWebui = at "open-webui" {
    stateDir = "/var/lib/open-webui";
  } "/var/lib/open-webui/data/webui.db";
  testOpenWebuiElsewhere = at "open-webui" {
    stateDir = "/var/lib/open-webui";
    environment.DATA_DIR = "/srv/webui";
  } "/srv/webui/webui.db";
  testOpenWebuiOnServer = none "open-webui" {
    stateDir = "/var/lib/open-webui";
    environment.DATABASE_URL = "postgresql:///webui";
  };
  testOverseerr = at "overseerr" { } "/var/lib/overseerr/db/db.sqlite3";
  testPaperless =
    row "paperless"
      {
        dataDir = "/var/lib/paperless";
        settings = { };
      }
      {
        paperless = {
          file = "/var/lib/paperless/db.sqlite3";
          service = "paperless-scheduler";
        };
      };
  testPhotoprism = at "photoprism" {
    storagePath = "/var/lib/photoprism";
    settings = { };
  } "/var/lib/photoprism/index.db";
  testPhotoprismNamed = at "photoprism" {
    storagePath = "/var/lib/photoprism";
    settings = {
      PHOTOPRISM_DATABASE_DRIVER = "sqlite3";
      PHOTOPRISM_DATABASE_DSN = "/srv/photos.db?_busy_timeout=5000";
    };
  } "/srv/photos.db";
  testPhotoview = at "photoview" {
    dataDir = "/srv/photos";
    database.type = "sqlite";
  } "/srv/photos/photoview.db";
  testPhotoviewOnServer = none "photoview" { database.type = "mysql"; };
  testPinchflat = at "pinchflat" { extraConfig = { }; } "/var/lib/pinchflat/db/pinchflat.db";
  testPlex = at "plex" {
    dataDir = "/var/lib/plex";
  } "/var/lib/plex/Plex Media Server/Plug-in Support/Databases/com.plexapp.plugins.library.db";
  testPocketId = file "pocket-id" {
    dataDir = "/var/lib/pocket-id";
    settings = { };
  } "/var/lib/pocket-id/data/pocket-id.db";
  testPocketIdElsewhere = file "pocket-id" {
    dataDir = "/var/lib/pocket-id";
    settings.DB_CONNECTION_STRING = "file:/srv/pocket.db?_txlock=immediate";
  } "/srv/pocket.db";
  testPocketIdSecret =
    row "pocket-id"
      {
        dataDir = "/var/lib/pocket-id";
        settings = { };
        credentials.DB_CONNECTION_STRING = "/run/secrets/id";
      }
      {
        pocket-id = {
          file = "/var/lib/pocket-id/data/pocket-id.db";
          doubt = "credentials.DB_CONNECTION_STRING";
        };
      };
  testProwlarr = at "prowlarr" { dataDir = "/srv/prowlarr"; } "/var/lib/prowlarr/prowlarr.db";
  testRadarr = servarr "radarr" "radarr.db";
  testRadicle = serviceOf "radicle" { } "radicle-node" "/var/lib/radicle/node/*.db";
  testReadarr = at "readarr" { dataDir = "/var/lib/readarr/"; } "/var/lib/readarr/readarr.db";
  testReadeck = at "readeck" { settings = { }; } "/var/lib/readeck/data/db.sqlite3";
  testReadeckOnServer = none "readeck" { settings.database.source = "postgres:///readeck"; };
  testReadeckElsewhere = at "readeck" {
    settings.main.data_directory = "/srv/readeck";
  } "/srv/readeck/db.sqlite3";
  testScrutiny = at "scrutiny" { } "/var/lib/scrutiny/scrutiny.db";
  testSeerr = at "seerr" { configDir = "/var/lib/seerr/"; } "/var/lib/seerr/db/db.sqlite3";
  testSftpgo = at "sftpgo" {
    dataDir = "/srv/sftpgo";
    settings = { };
  } "/srv/sftpgo/sftpgo.db";
  testSftpgoOnServer = none "sftpgo" { settings.data_provider.driver = "postgresql"; };
  testShiori = at "shiori" { databaseUrl = null; } "/var/lib/shiori/shiori.db";
  testShioriOnServer = none "shiori" { databaseUrl = "postgres:///shiori"; };
  testSonarr = servarr "sonarr" "sonarr.db";
  testSpoolman = at "spoolman" { environment = { }; } "/var/lib/spoolman/spoolman.db";
  testSpoolmanOnServer = none "spoolman" { environment.SPOOLMAN_DB_TYPE = "postgres"; };
  testTandoor = at "tandoor-recipes" { extraConfig = { }; } "/var/lib/tandoor-recipes/db.sqlite3";
  testTandoorOnServer = none "tandoor-recipes" { database.createLocally = true; };
  testTautulli = at "tautulli" { dataDir = "/srv/tautulli"; } "/srv/tautulli/tautulli.db";
  testTeamspeak = serviceOf "teamspeak3" {
    dataDir = "/srv/teamspeak";
  } "teamspeak3-server" "/srv/teamspeak/ts3server.sqlitedb";
  testTrilium = at "trilium-server" { dataDir = "/srv/trilium"; } "/srv/trilium/document.db";
  testUptimeKuma = at "uptime-kuma" { settings = { }; } "/var/lib/uptime-kuma/kuma.db";
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
  testWakapi = at "wakapi" { settings = { }; } "/var/lib/wakapi/wakapi_db.db";
  testWakapiRelative = at "wakapi" {
    stateDir = "/srv/wakapi";
    settings.db = {
      dialect = null;
      name = "times.db";
    };
  } "/srv/wakapi/times.db";
  testWastebin = at "wastebin" {
    settings.WASTEBIN_DATABASE_PATH = "/srv/pastes.db";
  } "/srv/pastes.db";
  testWhisparr = servarr "whisparr" "whisparr*.db";
  testWoodpecker = at "woodpecker-server" { } "/var/lib/woodpecker-server/woodpecker.sqlite";
  testWoodpeckerOnServer = none "woodpecker-server" {
    environment.WOODPECKER_DATABASE_DRIVER = "postgres";
  };
  testWritefreely = at "writefreely" {
    stateDir = "/srv/write";
    database.type = "sqlite3";
  } "/srv/write/writefreely.db";
  testWritefreelyOnServer = none "writefreely" { database.type = "mysql"; };
}
