# What the rows of sqlite-services/a-g.nix find.
{ lib, ... }:
let
  inherit (import ./rows.nix lib)
    at
    file
    none
    ofUser
    row
    serviceOf
    ;
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
  testAnki =
    row "anki-sync-server"
      {
        baseDirectory = "%S/%N";
        users = [
          { username = "ada"; }
          { username = "no name"; }
        ];
      }
      {
        anki-sync-server-ada = {
          file = "/var/lib/anki-sync-server/ada/collection.anki2";
          service = "anki-sync-server";
        };
      };
  testAnkiElsewhere =
    row "anki-sync-server"
      {
        baseDirectory = "/srv/anki";
        users = [ { username = "ada"; } ];
      }
      {
        anki-sync-server-ada = {
          file = "/srv/anki/ada/collection.anki2";
          service = "anki-sync-server";
        };
      };
  testAtticd = at "atticd" {
    settings.database.url = "sqlite:///var/lib/atticd/server.db?mode=rwc";
  } "/var/lib/atticd/server.db";
  testAtticdOnServer = none "atticd" { settings.database.url = "postgresql:///attic"; };
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
  testAutobrr = at "autobrr" { settings = { }; } "/var/lib/autobrr/autobrr.db";
  testAutobrrOnServer = none "autobrr" { settings.databaseType = "postgres"; };
  testBaikal = ofUser "baikal" { user = "baikal"; } "baikal" "/var/lib/baikal/specific/db/db.sqlite";
  testBazarr = at "bazarr" { dataDir = "/srv/bazarr"; } "/srv/bazarr/db/bazarr.db";
  testBiboumi = file "biboumi" {
    settings.db_name = "/var/lib/biboumi/biboumi.sqlite";
  } "/var/lib/biboumi/biboumi.sqlite";
  testBiboumiSecret = row "biboumi" { settings.db_name = null; } {
    biboumi = {
      file = "/var/lib/biboumi/biboumi.sqlite";
      doubt = "credentialsFile";
    };
  };
  testBiboumiOnServer = none "biboumi" { settings.db_name = "postgresql://db/biboumi"; };
  testCalibreWeb = at "calibre-web" { dataDir = "books"; } "/var/lib/books/app.db";
  testChhotoUrl = at "chhoto-url" { settings.db_url = "/srv/urls.sqlite"; } "/srv/urls.sqlite";
  testCrossSeed = at "cross-seed" { configDir = "/srv/seed"; } "/srv/seed/cross-seed.db";
  testDomoticz = at "domoticz" { } "/var/lib/domoticz/domoticz.db";
  testErsatztv = at "ersatztv" { environment = { }; } "/var/lib/ersatztv/config/ersatztv.sqlite3";
  testErsatztvElsewhere = at "ersatztv" {
    environment.ETV_CONFIG_FOLDER = "/srv/tv";
  } "/srv/tv/ersatztv.sqlite3";
  testEtebase = at "etebase-server" {
    dataDir = "/srv/etebase";
    settings.database = {
      engine = "django.db.backends.sqlite3";
      name = "/srv/etebase/db.sqlite3";
    };
  } "/srv/etebase/db.sqlite3";
  testEtebaseOnServer = none "etebase-server" {
    settings.database.engine = "django.db.backends.postgresql";
  };
  testEvcc = at "evcc" { settings = { }; } "/var/lib/evcc/.evcc/evcc.db";
  testEvccElsewhere = at "evcc" {
    settings.database = {
      type = "sqlite";
      dsn = "/srv/evcc.db";
    };
  } "/srv/evcc.db";
  testEvccOnServer = none "evcc" { settings.database.type = "postgres"; };
  testFail2ban = at "fail2ban" {
    daemonSettings.Definition.dbfile = "/var/lib/fail2ban/fail2ban.sqlite3";
  } "/var/lib/fail2ban/fail2ban.sqlite3";
  testFail2banInMemory = none "fail2ban" { daemonSettings.Definition.dbfile = ":memory:"; };
  testFirefly = serviceOf "firefly-iii" {
    dataDir = "/srv/firefly";
    settings.DB_CONNECTION = "sqlite";
  } "firefly-iii-setup" "/srv/firefly/storage/database/database.sqlite";
  testFireflyOnServer = none "firefly-iii" { settings.DB_CONNECTION = "pgsql"; };
  testForgejo = at "forgejo" {
    database = {
      type = "sqlite3";
      path = "/srv/forgejo.db";
    };
  } "/srv/forgejo.db";
  testFrigate = at "frigate" { settings.database.path = "/srv/frigate.db"; } "/srv/frigate.db";
  testGancio = at "gancio" {
    settings.db = {
      dialect = "sqlite";
      storage = "/var/lib/gancio/db.sqlite";
    };
  } "/var/lib/gancio/db.sqlite";
  testGancioOnServer = none "gancio" { settings.db.dialect = "postgres"; };
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
  testGoatcounter = at "goatcounter" {
    extraArgs = [
      "-automigrate"
      "-dbconn=16,4"
    ];
  } "/var/lib/goatcounter/goatcounter-data/db.sqlite3";
  testGoatcounterElsewhere = none "goatcounter" {
    extraArgs = [
      "-db"
      "postgresql+dbname=goatcounter"
    ];
  };
  testGonic = at "gonic" { settings = { }; } "/var/lib/gonic/gonic.db";
  testGotify = serviceOf "gotify" {
    stateDirectoryName = "gotify-server";
  } "gotify-server" "/var/lib/gotify-server/data/gotify.db";
  testGotifyOnServer = none "gotify" { environment.GOTIFY_DATABASE_DIALECT = "postgres"; };
  testGotosocial = at "gotosocial" {
    settings = {
      db-type = "sqlite";
      db-address = "/var/lib/gotosocial/database.sqlite";
    };
  } "/var/lib/gotosocial/database.sqlite";
  testGotosocialRelative = at "gotosocial" {
    settings = {
      db-type = "sqlite";
      db-address = "social.sqlite";
    };
  } "/var/lib/gotosocial/social.sqlite";
  testGrafana = at "grafana" {
    settings.database = {
      type = "sqlite3";
      path = "/srv/grafana.db";
    };
  } "/srv/grafana.db";
  testGrocy = ofUser "grocy" { dataDir = "/srv/grocy"; } "grocy" "/srv/grocy/grocy.db";
}
