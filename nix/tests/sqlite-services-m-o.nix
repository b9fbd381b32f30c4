# What the rows of sqlite-services/m-o.nix find.
{ lib, ... }:
let
  inherit (import ./rows.nix lib)
    at
    bridge
    none
    ofUser
    row
    serviceOf
    ;
in
{
  testMaddy = at "maddy" { config = "  driver sqlite3\n  dsn imapsql.db"; } "/var/lib/maddy/*.db";
  testMaddyOnServer = none "maddy" { config = "driver postgres"; };
  testMailman =
    row "mailman"
      {
        settings = { };
        webSettings = { };
        webUser = "web";
      }
      {
        mailman.file = "/var/lib/mailman/data/mailman.db";
        mailman-web = {
          file = "/var/lib/mailman-web/mailman-web.db";
          user = "web";
        };
      };
  testMailmanOnServer = none "mailman" {
    settings.database.url = "postgresql://db/mailman";
    webSettings.DATABASES.default.ENGINE = "django.db.backends.postgresql";
  };
  testMailpit =
    row "mailpit"
      {
        instances = {
          kept.database = "mailpit.db";
          temporary.database = null;
        };
      }
      {
        mailpit-kept = {
          file = "/var/lib/mailpit/mailpit.db";
          service = "mailpit-kept";
        };
      };
  testMatrixSynapse = at "matrix-synapse" {
    dataDir = "/var/lib/matrix-synapse";
    settings.database = {
      name = "sqlite3";
      args.database = "homeserver.db";
    };
  } "/var/lib/matrix-synapse/homeserver.db";
  testMaubot =
    row "maubot"
      {
        dataDir = "/srv/maubot";
        settings = {
          database = "sqlite:maubot.db";
          crypto_database = "sqlite:////srv/crypto.db";
          plugin_databases = {
            postgres = null;
            sqlite = "./plugins";
          };
        };
      }
      {
        maubot = {
          file = "/srv/maubot/maubot.db";
          service = "maubot";
        };
        maubot-crypto = {
          file = "/srv/crypto.db";
          service = "maubot";
        };
        maubot-plugins = {
          file = "/srv/maubot/plugins/*.db";
          service = "maubot";
        };
      };
  testMaubotOnServer = none "maubot" {
    dataDir = "/srv/maubot";
    settings = {
      database = "postgresql://maubot@localhost/maubot";
      crypto_database = "default";
      plugin_databases.postgres = "default";
    };
  };
  testMautrixDiscord = at "mautrix-discord" {
    dataDir = "/srv/discord";
    settings.appservice.database = {
      type = "sqlite3";
      uri = "file:discord.db?_txlock=immediate";
    };
  } "/srv/discord/discord.db";
  testMautrixMeta =
    row "mautrix-meta"
      {
        instances.facebook = {
          enable = true;
          dataDir = "mautrix-meta-facebook";
          settings.database = {
            type = "sqlite3-fk-wal";
            uri = "file:/srv/meta.db?_txlock=immediate";
          };
        };
      }
      {
        mautrix-meta-facebook = {
          file = "/srv/meta.db";
          service = "mautrix-meta-facebook";
        };
      };
  testMautrixSignal = bridge "mautrix-signal";
  testMautrixTelegram = at "mautrix-telegram" {
    settings.appservice.database = "sqlite:////srv/telegram.db";
  } "/srv/telegram.db";
  testMautrixTelegramInGo = bridge "mautrix-telegram";
  testMautrixWhatsapp = bridge "mautrix-whatsapp";
  testMealie = at "mealie" { settings = { }; } "/var/lib/mealie/mealie.db";
  testMealieElsewhere = at "mealie" { settings.DATA_DIR = "/srv/mealie"; } "/srv/mealie/mealie.db";
  testMediatomb = at "mediatomb" {
    customCfg = false;
    dataDir = "/var/lib/gerbera";
    package.pname = "gerbera";
  } "/var/lib/gerbera/gerbera.db";
  testMediatombByHand = none "mediatomb" { customCfg = true; };
  testMediawiki = ofUser "mediawiki" {
    database = {
      type = "sqlite";
      path = "/var/lib/mediawiki/data";
      name = "wiki";
    };
  } "mediawiki" "/var/lib/mediawiki/data/wiki.sqlite";
  testMediawikiOnServer = none "mediawiki" { database.type = "mysql"; };
  testMemos = at "memos" {
    dataDir = "/var/lib/memos/";
    settings = {
      MEMOS_DATA = "/var/lib/memos/";
      MEMOS_DRIVER = "sqlite";
      MEMOS_MODE = "prod";
    };
  } "/var/lib/memos/memos_prod.db";
  testMemosDevelopment = at "memos" {
    dataDir = "/srv/memos";
    settings.MEMOS_MODE = "dev";
  } "/srv/memos/memos_dev.db";
  testMemosOnServer = none "memos" { settings.MEMOS_DRIVER = "postgres"; };
  testMicrobin = at "microbin" {
    dataDir = "/var/lib/microbin";
  } "/var/lib/microbin/microbin_data/database.sqlite";
  testMicrobinInJson = none "microbin" { settings.MICROBIN_JSON_DB = true; };
  testMollysocket = at "mollysocket" { settings = { }; } "/var/lib/mollysocket/mollysocket.db";
  testMoonraker = at "moonraker" {
    stateDir = "/var/lib/moonraker";
  } "/var/lib/moonraker/database/moonraker-sql.db";
  testMurmur = at "murmur" {
    stateDir = "/srv/murmur";
    extraConfig = "";
  } "/srv/murmur/murmur.sqlite";
  testMurmurOnServer = none "murmur" { extraConfig = "dbDriver=QPSQL"; };
  testMusicAssistant = at "music-assistant" {
    extraOptions = [
      "--config"
      "/var/lib/music-assistant"
    ];
  } "/var/lib/music-assistant/*.db";
  testMusicAssistantElsewhere = none "music-assistant" { extraOptions = [ ]; };
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
  testNcps = at "ncps" { cache.databaseURL = "sqlite:/srv/ncps/db.sqlite"; } "/srv/ncps/db.sqlite";
  testNcpsSecret = none "ncps" { cache.databaseURL = null; };
  testNetbird = row "netbird" { server.management.enable = true; } {
    netbird = {
      file = "/var/lib/netbird-mgmt/data/store.db";
      service = "netbird-management";
    };
    netbird-events = {
      file = "/var/lib/netbird-mgmt/data/events.db";
      service = "netbird-management";
    };
  };
  testNetbirdClient = none "netbird" { enable = true; };
  testNetbirdOnServer = none "netbird" {
    server.management = {
      enable = true;
      settings.StoreConfig.Engine = "postgres";
    };
  };
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
  testNezha = at "nezha" { } "/var/lib/nezha/sqlite.db";
  testNostrRsRelay = at "nostr-rs-relay" { dataDir = "/srv/nostr"; } "/srv/nostr/nostr.db";
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
  testOmnom = at "omnom" {
    dataDir = "/srv/omnom";
    settings.db = {
      type = "sqlite";
      connection = "/srv/omnom/db.sqlite3";
    };
  } "/srv/omnom/db.sqlite3";
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
  testOwncast = at "owncast" { dataDir = "/srv/owncast"; } "/srv/owncast/data/owncast.db";
  testMagnetico = serviceOf "magnetico" { } "magneticod" "/var/lib/magnetico/database.sqlite3";
  testAppserviceDiscord = at "matrix-appservice-discord" {
    settings.database.filename = "/var/lib/matrix-appservice-discord/discord.db";
  } "/var/lib/matrix-appservice-discord/discord.db";
  testAppserviceDiscordOnServer = none "matrix-appservice-discord" {
    settings.database = {
      filename = "/var/lib/matrix-appservice-discord/discord.db";
      connString = "postgres://db";
    };
  };
  testOrthanc = at "orthanc" {
    settings.IndexDirectory = "/var/lib/orthanc/";
  } "/var/lib/orthanc/index";
  testOrthancOnServer = none "orthanc" { settings.PostgreSQL.EnableIndex = true; };
}
