# Which services dump-database-restore stops: all that use the file, not only its owner.
{ lib, machine, ... }:
let
  rows = import ../sqlite-services {
    inherit lib;
    config.system.stateVersion = "26.05";
  };
  # What the row of a service names, of its database of the same name.
  stops = name: service: stoppedServices: {
    expr = (rows.${name} service).${name}.stoppedServices;
    expected = stoppedServices;
  };
  sqlite.database.type = "sqlite";
  factsOf =
    databases:
    builtins.fromJSON
      (machine {
        services = { inherit (databases) dumpDatabase; };
        systemd.services = lib.genAttrs [ "notes" "notes-mail" ] (_: {
          serviceConfig.User = "notes";
        });
      }).environment.etc."dump-database/restore.json".text;
  notes = {
    source = "sqlite:/srv/notes/notes.db";
    service = "notes";
  };
in
{
  testBaikal = stops "baikal" {
    user = "baikal";
    pool = "shared";
  } [ "phpfpm-shared" ];
  testDavis =
    stops "davis"
      {
        database.driver = "sqlite";
        database.urlFile = null;
        dataDir = "/srv/davis";
        user = "davis";
      }
      [
        "davis-db-migrate"
        "phpfpm-davis"
      ];
  testFirefly =
    stops "firefly-iii"
      {
        dataDir = "/srv/firefly";
        settings.DB_CONNECTION = "sqlite";
      }
      [
        "firefly-iii-cron"
        "firefly-iii-setup"
        "phpfpm-firefly-iii"
      ];
  testGrocy = stops "grocy" { dataDir = "/srv/grocy"; } [ "phpfpm-grocy" ];
  testHealthchecks =
    stops "healthchecks"
      {
        dataDir = "/srv/checks";
        settings.DB = "sqlite";
        settings.DB_NAME = "checks.sqlite";
      }
      [
        "healthchecks"
        "healthchecks-migration"
        "healthchecks-sendalerts"
        "healthchecks-sendreports"
      ];
  testKanboard = stops "kanboard" {
    dataDir = "/srv/kanboard";
    user = "kanboard";
  } [ "phpfpm-kanboard" ];
  testKarakeep = stops "karakeep" { } [
    "karakeep-init"
    "karakeep-web"
    "karakeep-workers"
  ];
  testMediawiki =
    stops "mediawiki"
      {
        database = {
          type = "sqlite";
          path = "/srv/wiki";
          name = "wiki";
        };
      }
      [
        "mediawiki-init"
        "phpfpm-mediawiki"
      ];
  testMailmanWeb = {
    expr =
      let
        names =
          (rows.mailman {
            settings = { };
            webSettings = { };
            webUser = "web";
          }).mailman-web.stoppedServices;
      in
      [
        (lib.elem "mailman-uwsgi" names)
        (lib.elem "hyperkitty" names)
        (lib.elem "hyperkitty-minutely" names)
      ];
    expected = [
      true
      true
      true
    ];
  };
  testNextcloud =
    stops "nextcloud"
      {
        config.dbtype = "sqlite";
        datadir = "/srv/cloud";
      }
      [
        "nextcloud-cron"
        "nextcloud-setup"
        "nextcloud-update-db"
        "nextcloud-update-plugins"
        "phpfpm-nextcloud"
      ];
  testPaperless = stops "paperless" { dataDir = "/srv/paperless"; } [
    "paperless-consumer"
    "paperless-exporter"
    "paperless-scheduler"
    "paperless-task-queue"
    "paperless-web"
  ];
  testSelfoss = stops "selfoss" (sqlite // { user = "nginx"; }) [
    "phpfpm-selfoss_pool"
    "selfoss-update"
  ];
  testSpeedtestTracker =
    stops "speedtest-tracker"
      {
        settings.DB_CONNECTION = "sqlite";
        settings.DB_DATABASE = "/srv/speed/database.sqlite";
      }
      [
        "phpfpm-speedtest-tracker"
        "speedtest-tracker-queue-worker"
        "speedtest-tracker-scheduler"
        "speedtest-tracker-setup"
      ];
  testStrichliste =
    stops "strichliste"
      {
        environment.DATABASE_URL = "sqlite:////var/lib/strichliste/db.sqlite";
      }
      [
        "phpfpm-strichliste"
        "strichliste-migrate"
      ];

  # What dump-database-restore knows.
  testDefault = {
    expr = (factsOf { dumpDatabase.databases = { inherit notes; }; }).notes.services;
    expected = [ "notes.service" ];
  };
  testNamed = {
    expr =
      (factsOf {
        dumpDatabase.databases.notes = notes // {
          stoppedServices = [
            "notes"
            "notes-mail"
          ];
        };
      }).notes.services;
    expected = [
      "notes.service"
      "notes-mail.service"
    ];
  };
  testNone = {
    expr =
      (factsOf {
        dumpDatabase.databases.notes = notes // {
          stoppedServices = [ ];
        };
      }).notes
        ? services;
    expected = false;
  };
  # A row reaches the command. Its module is newer than some nixpkgs.
  testFound = {
    expr =
      (builtins.fromJSON
        (machine {
          disabledModules = [ "services/web-apps/karakeep.nix" ];
          options.services.karakeep = lib.mkOption { type = lib.types.attrs; };
          config.services.karakeep.enable = true;
          config.systemd.services.karakeep-web.serviceConfig.User = "karakeep";
        }).environment.etc."dump-database/restore.json".text
      ).karakeep.services;
    expected = [
      "karakeep-init.service"
      "karakeep-web.service"
      "karakeep-workers.service"
    ];
  };
}
