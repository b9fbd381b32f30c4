# What the rows of sqlite-services/d-g.nix find.
{ lib, ... }:
let
  inherit (import ./rows.nix lib)
    at
    none
    ofUser
    row
    serviceOf
    ;
in
{
  testDavis = ofUser "davis" {
    database.driver = "sqlite";
    database.urlFile = null;
    dataDir = "/srv/davis";
    user = "davis";
  } "davis" "/srv/davis/davis.db";
  testDavisSecret =
    row "davis"
      {
        database.driver = "sqlite";
        database.urlFile = "/run/secrets/davis";
        dataDir = "/srv/davis";
        user = "davis";
      }
      {
        davis = {
          file = "/srv/davis/davis.db";
          user = "davis";
          doubt = "database.urlFile";
        };
      };
  testDavisOnServer = none "davis" { database.driver = "postgresql"; };
  testDendrite =
    row "dendrite"
      {
        settings = {
          key_server.database.connection_string = "file:keyserver.db";
          sync_api.database.connection_string = "file:///srv/sync.db?mode=rwc";
          mscs.database.connection_string = "postgresql://db/dendrite";
          user_api.account_database.connection_string = "file:userapi_accounts.db";
        };
      }
      {
        dendrite-keyserver = {
          file = "/var/lib/dendrite/keyserver.db";
          service = "dendrite";
        };
        dendrite-sync = {
          file = "/srv/sync.db";
          service = "dendrite";
        };
        dendrite-userapi_accounts = {
          file = "/var/lib/dendrite/userapi_accounts.db";
          service = "dendrite";
        };
      };
  testDevpi = at "devpi-server" { } "/var/lib/devpi/.sqlite";
  testDex = at "dex" {
    settings.storage = {
      type = "sqlite3";
      config.file = "/var/lib/dex/dex.db";
    };
  } "/var/lib/dex/dex.db";
  testDexOnServer = none "dex" { settings.storage.type = "postgres"; };
  testDexInMemory = none "dex" {
    settings.storage = {
      type = "sqlite3";
      config.file = ":memory:";
    };
  };
  testDocuseal = at "docuseal" { extraConfig = { }; } "/var/lib/docuseal/db.sqlite3";
  testDocusealOnServer = none "docuseal" { extraConfig.DATABASE_HOST = "db"; };
  testDomoticz = at "domoticz" { } "/var/lib/domoticz/domoticz.db";
  testDrasl = at "drasl" { settings.StateDirectory = "/srv/drasl"; } "/srv/drasl/drasl.db";
  testDuplicati = at "duplicati" { dataDir = "/srv/duplicati"; } "/srv/duplicati/*.sqlite";
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
  testFlexget = at "flexget" { homeDir = "/srv/flexget"; } "/srv/flexget/db-flexget.sqlite";
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
  testGemstash = at "gemstash" {
    settings = {
      db_adapter = null;
      base_path = "/srv/gems";
    };
  } "/srv/gems/gemstash.db";
  testGemstashOnServer = none "gemstash" { settings.db_adapter = "postgres"; };
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
  testDeconz = at "deconz" { } "/var/lib/deconz/.local/share/dresden-elektronik/deCONZ/zll.db";
  testGokapi = at "gokapi" {
    environment.GOKAPI_DATA_DIR = "%S/gokapi/data";
    settings = { };
  } "/var/lib/gokapi/data/gokapi.sqlite";
  testGokapiElsewhere = none "gokapi" { settings.DatabaseUrl = "redis://127.0.0.1"; };
}
