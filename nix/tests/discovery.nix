# What is found on example machines that say `enable = true` and nothing else of dumps.
{
  lib,
  machine,
  pkgs,
  ...
}:
let
  sourcesOf =
    services:
    lib.mapAttrs (_: db: db.source) (machine { inherit services; }).services.dumpDatabase.databases;
  finds = services: expected: {
    expr = sourcesOf services;
    inherit expected;
  };
  # How the unit of the database NAME runs.
  runsAs = services: name: {
    expr =
      let
        unit = (machine { inherit services; }).systemd.services."dump-database-${name}";
      in
      {
        inherit (unit) after;
        inherit (unit.serviceConfig) StateDirectory StateDirectoryMode User;
        dynamic = unit.serviceConfig.DynamicUser or false;
      };
  };
  mariadb = {
    enable = true;
    package = pkgs.mariadb;
  };
in
{
  testNothing = finds { } { };
  testServers =
    finds
      {
        postgresql.enable = true;
        mysql = mariadb;
      }
      {
        postgresql = "postgresql://postgres@/?host=/run/postgresql&port=5432";
        mysql = "mariadb://dump-database@localhost/?socket=/run/mysqld/mysqld.sock";
      };
  testPort = finds {
    postgresql.enable = true;
    postgresql.settings.port = 5433;
  } { postgresql = "postgresql://postgres@/?host=/run/postgresql&port=5433"; };
  testVaultwarden = finds { vaultwarden.enable = true; } {
    vaultwarden = "sqlite:/var/lib/vaultwarden/db.sqlite3";
  };
  testVaultwardenElsewhere = finds {
    vaultwarden.enable = true;
    vaultwarden.config.DATA_FOLDER = "/srv/vault";
  } { vaultwarden = "sqlite:/srv/vault/db.sqlite3"; };
  testVaultwardenOnServer = finds {
    vaultwarden.enable = true;
    vaultwarden.dbBackend = "postgresql";
  } { };
  testSeveralFiles = finds { ntfy-sh.enable = true; } {
    ntfy-sh-auth = "sqlite:/var/lib/ntfy-sh/user.db";
    ntfy-sh-cache = "sqlite:/var/lib/ntfy-sh/cache-file.db";
  };
  testManyFiles = finds { actual.enable = true; } {
    actual-account = "sqlite:/var/lib/actual/server-files/account.sqlite";
    actual-budgets = "sqlite:/var/lib/actual/user-files/*.sqlite";
  };
  testFileInUrl = finds { lldap.enable = true; } { lldap = "sqlite:/var/lib/lldap/users.db"; };
  testForge =
    finds
      {
        forgejo.enable = true;
        headscale.enable = true;
        grafana.enable = true;
      }
      {
        forgejo = "sqlite:/var/lib/forgejo/data/forgejo.db";
        headscale = "sqlite:/var/lib/headscale/db.sqlite";
        grafana = "sqlite:/var/lib/grafana/data/grafana.db";
      };
  testForgeOnServer = finds {
    forgejo.enable = true;
    forgejo.database.type = "postgres";
    headscale.enable = true;
    headscale.settings.database.type = "postgres";
  } { };
  testMedia =
    finds
      {
        audiobookshelf.enable = true;
        prowlarr.enable = true;
        uptime-kuma.enable = true;
        wakapi = {
          enable = true;
          settings.db = {
            dialect = "sqlite3";
            name = "/var/lib/wakapi/wakapi.db";
          };
        };
      }
      {
        audiobookshelf = "sqlite:/var/lib/audiobookshelf/config/absdatabase.sqlite";
        prowlarr = "sqlite:/var/lib/prowlarr/prowlarr.db";
        uptime-kuma = "sqlite:/var/lib/uptime-kuma/kuma.db";
        wakapi = "sqlite:/var/lib/wakapi/wakapi.db";
      };
  testExcluded = finds {
    postgresql.enable = true;
    ntfy-sh.enable = true;
    dumpDatabase.exclude = [
      "ntfy-sh-cache"
      "postgresql"
    ];
  } { ntfy-sh-auth = "sqlite:/var/lib/ntfy-sh/user.db"; };
  testOff = finds {
    postgresql.enable = true;
    dumpDatabase.discover = false;
  } { };
  testOverridden = finds {
    vaultwarden.enable = true;
    dumpDatabase.databases.vaultwarden.source = "sqlite:/srv/vault.db";
  } { vaultwarden = "sqlite:/srv/vault.db"; };
  testDisabled = {
    expr =
      (machine {
        services.vaultwarden.enable = true;
        services.dumpDatabase.databases.vaultwarden.enable = false;
      }).systemd.services
        ? dump-database-vaultwarden;
    expected = false;
  };

  testStaticUser = runsAs { vaultwarden.enable = true; } "vaultwarden" // {
    expected = {
      after = [ "vaultwarden.service" ];
      StateDirectory = [ "dump-database/vaultwarden" ];
      StateDirectoryMode = "0700";
      User = "vaultwarden";
      dynamic = false;
    };
  };
  testDynamicUser =
    let
      config = machine { services.ntfy-sh.enable = true; };
      unit = config.systemd.services.dump-database-ntfy-sh-auth.serviceConfig;
      service = config.systemd.services.ntfy-sh.serviceConfig;
    in
    {
      expr = [
        unit.DynamicUser
        unit.User
        unit.StateDirectory
        unit.StateDirectoryMode
      ];
      expected = [
        true
        (service.User or "ntfy-sh")
        [
          "ntfy-sh"
          "dump-database/ntfy-sh-auth"
        ]
        (service.StateDirectoryMode or "0755")
      ];
    };
  testNeverStartsServer = {
    expr =
      let
        units =
          (machine {
            services.postgresql.enable = true;
            services.mysql = mariadb;
          }).systemd.services;
      in
      lib.genAttrs [ "postgresql" "mysql" ] (
        name:
        let
          unit = units."dump-database-${name}";
        in
        [
          unit.requisite
          unit.after
          unit.requires
          unit.wants
        ]
      );
    expected = {
      postgresql = [
        [ "postgresql.target" ]
        [ "postgresql.target" ]
        [ ]
        [ ]
      ];
      mysql = [
        [ "mysql.service" ]
        [ "mysql.service" ]
        [ ]
        [ ]
      ];
    };
  };
  testAccess =
    let
      config = machine {
        services.postgresql.enable = true;
        services.mysql = mariadb;
      };
    in
    {
      expr = [
        (lib.hasInfix "postgres dump-database postgres\n" config.services.postgresql.identMap)
        (map (user: user.ensurePermissions) (
          lib.filter (user: user.name == "dump-database") config.services.mysql.ensureUsers
        ))
      ];
      expected = [
        true
        [ { "*.*" = "SELECT, SHOW VIEW, TRIGGER, EVENT"; } ]
      ];
    };

  testElsewhere =
    let
      config = machine {
        fileSystems."/mnt/backup".device = "/dev/sdb1";
        services.ntfy-sh.enable = true;
        services.dumpDatabase = {
          directory = "/mnt/backup/dumps";
          databases.notes = {
            source = "/srv/notes.db";
            user = "notes";
          };
        };
      };
      static = config.systemd.services.dump-database-notes;
      mounts = lib.filter (mount: lib.hasInfix "dump-database" mount.where) config.systemd.mounts;
    in
    {
      expr = {
        to = lib.hasInfix ''"--to" "/mnt/backup/dumps/notes"'' static.serviceConfig.ExecStart;
        writable = static.serviceConfig.ReadWritePaths;
        state = static.serviceConfig ? StateDirectory;
        needs = static.unitConfig.RequiresMountsFor;
        mounted = static.unitConfig.AssertPathIsMountPoint;
        dynamic = map (mount: [
          mount.what
          mount.where
        ]) mounts;
      };
      expected = {
        to = true;
        writable = [
          ''"-/mnt/backup/dumps/notes"''
          ''"-/srv"''
        ];
        state = false;
        needs = "/mnt/backup/dumps";
        mounted = [ "/mnt/backup" ];
        dynamic =
          map
            (name: [
              "/mnt/backup/dumps/private/${name}"
              "/var/lib/private/dump-database/${name}"
            ])
            [
              "ntfy-sh-auth"
              "ntfy-sh-cache"
            ];
      };
    };

  testDoubt = {
    expr =
      map (lib.hasInfix ''databases.vaultwarden.source = "sqlite:/var/lib/vaultwarden/db.sqlite3"'')
        (
          lib.filter (lib.hasInfix "services.dumpDatabase")
            (machine {
              services.vaultwarden = {
                enable = true;
                environmentFile = "/run/secrets/vaultwarden.env";
              };
            }).warnings
        );
    expected = [ true ];
  };
  testNoDoubt = {
    expr =
      lib.filter (lib.hasInfix "services.dumpDatabase")
        (machine {
          services.vaultwarden = {
            enable = true;
            environmentFile = "/run/secrets/vaultwarden.env";
          };
          services.dumpDatabase.databases.vaultwarden.source = "sqlite:/var/lib/vaultwarden/db.sqlite3";
        }).warnings;
    expected = [ ];
  };
}
