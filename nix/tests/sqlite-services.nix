# What each row of the table finds where its service is on SQLite.
{ lib, ... }:
let
  inherit (import ./rows.nix lib) at file row;
in
{
  testActual =
    row "actual"
      {
        settings.serverFiles = "/srv/server";
        settings.userFiles = "/srv/user";
      }
      {
        actual-account = "/srv/server/account.sqlite";
        actual-budgets = "/srv/user/*.sqlite";
      };
  testAudiobookshelf = at "audiobookshelf" {
    dataDir = "books";
  } "/var/lib/books/config/absdatabase.sqlite";
  testAudiobookshelfElsewhere = at "audiobookshelf" {
    dataDir = "/srv/books";
  } "/srv/books/config/absdatabase.sqlite";
  testAuthelia =
    row "authelia"
      {
        instances = {
          main = {
            enable = true;
            name = "main";
            settings.storage.local.path = "/var/lib/authelia-main/db.sqlite3";
          };
          renamed = {
            enable = true;
            name = "other";
            settings.storage.local.path = "/var/lib/authelia-other/db.sqlite3";
          };
          plain = {
            enable = true;
            name = "";
            settings.storage.local.path = "/var/lib/authelia/db.sqlite3";
          };
          elsewhere = {
            enable = true;
            name = "elsewhere";
            settings.storage.postgres = { };
          };
          off.enable = false;
        };
      }
      {
        authelia-main = {
          file = "/var/lib/authelia-main/db.sqlite3";
          service = "authelia-main";
        };
        authelia-other = {
          file = "/var/lib/authelia-other/db.sqlite3";
          service = "authelia-other";
        };
        authelia = {
          file = "/var/lib/authelia/db.sqlite3";
          service = "authelia";
        };
      };
  testForgejo = at "forgejo" {
    database = {
      type = "sqlite3";
      path = "/srv/forgejo.db";
    };
  } "/srv/forgejo.db";
  testGatus = at "gatus" {
    settings.storage = {
      type = "sqlite";
      path = "/var/lib/gatus/data.db";
    };
  } "/var/lib/gatus/data.db";
  testGitea = at "gitea" {
    database = {
      type = "sqlite3";
      path = "/srv/gitea.db";
    };
  } "/srv/gitea.db";
  testGotosocial = at "gotosocial" {
    settings = {
      db-type = "sqlite";
      db-address = "/var/lib/gotosocial/database.sqlite";
    };
  } "/var/lib/gotosocial/database.sqlite";
  testGotosocialRelative = at "gotosocial" {
    settings.db-address = "social.sqlite";
  } "/var/lib/gotosocial/social.sqlite";
  testGrafana = at "grafana" {
    settings.database = {
      type = "sqlite3";
      path = "/srv/grafana.db";
    };
  } "/srv/grafana.db";
  testHeadscale = at "headscale" {
    settings.database = {
      type = "sqlite3";
      sqlite.path = "/var/lib/headscale/db.sqlite";
    };
  } "/var/lib/headscale/db.sqlite";
  testHomeAssistant = file "home-assistant" {
    configDir = "/var/lib/hass";
    config.recorder = null;
  } "/var/lib/hass/home-assistant_v2.db";
  testHomeAssistantByHand = file "home-assistant" {
    configDir = "/var/lib/hass";
    config = null;
  } "/var/lib/hass/home-assistant_v2.db";
  testHomeAssistantElsewhere = file "home-assistant" {
    configDir = "/var/lib/hass";
    config.recorder.db_url = "sqlite:////srv/hass.db";
  } "/srv/hass.db";
  testHomeAssistantRelative = file "home-assistant" {
    configDir = "/var/lib/hass";
    config.recorder.db_url = "sqlite:///hass.db";
  } "/var/lib/hass/hass.db";
  testHomeAssistantSecret =
    row "home-assistant"
      {
        configDir = "/var/lib/hass";
        config.recorder.db_url = "!secret recorder";
      }
      {
        home-assistant = {
          file = "/var/lib/hass/home-assistant_v2.db";
          doubt = "config.recorder.db_url";
        };
      };
  testJellyfin = at "jellyfin" { dataDir = "/srv/jellyfin"; } "/srv/jellyfin/data/jellyfin.db";
  testKavita = at "kavita" { dataDir = "/srv/kavita"; } "/srv/kavita/config/kavita.db";
  testLldap = at "lldap" {
    settings.database_url = "sqlite://./users.db?mode=rwc";
  } "/var/lib/lldap/users.db";
  testLldapWithoutUrl = at "lldap" { settings = { }; } "/var/lib/lldap/users.db";
  testLldapByEnvironment = at "lldap" {
    environment.LLDAP_DATABASE_URL = "sqlite:///srv/lldap.db";
    settings.database_url = "postgres:///lldap";
  } "/srv/lldap.db";
  testMatrixSynapse = at "matrix-synapse" {
    dataDir = "/var/lib/matrix-synapse";
    settings.database = {
      name = "sqlite3";
      args.database = "homeserver.db";
    };
  } "/var/lib/matrix-synapse/homeserver.db";
  testMealie = at "mealie" { settings = { }; } "/var/lib/mealie/mealie.db";
  testMealieElsewhere = at "mealie" { settings.DATA_DIR = "/srv/mealie"; } "/srv/mealie/mealie.db";
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
}
