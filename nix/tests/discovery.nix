# What is found on example machines that say `enable = true` and nothing else of dumps.
{
  lib,
  machine,
  pkgs,
  ...
}:
let
  sourcesOf = config: lib.mapAttrs (_: db: db.source) config.services.dumpDatabase.databases;
  finds = services: expected: {
    expr = sourcesOf (machine {
      inherit services;
    });
    inherit expected;
  };
  mariadb = {
    enable = true;
    package = pkgs.mariadb;
  };

  # All that does not exclude each other, as it comes.
  everything = machine {
    services = {
      postgresql.enable = true;
      mysql = mariadb;
      actual.enable = true;
      audiobookshelf.enable = true;
      forgejo.enable = true;
      grafana.enable = true;
      headscale.enable = true;
      lldap = {
        enable = true;
        settings.ldap_base_dn = "dc=example,dc=org";
      };
      ntfy-sh.enable = true;
      prowlarr.enable = true;
      uptime-kuma.enable = true;
      vaultwarden.enable = true;
      wakapi = {
        enable = true;
        settings.db = {
          dialect = "sqlite3";
          name = "/var/lib/wakapi/wakapi.db";
        };
      };
    };
  };
  # And as an administrator changed it.
  changed = machine {
    services = {
      postgresql.enable = true;
      postgresql.settings.port = 5433;
      mysql = mariadb;
      actual.enable = true;
      forgejo.enable = true;
      forgejo.database.type = "postgres";
      headscale.enable = true;
      headscale.settings.database.type = "postgres";
      lldap = {
        enable = true;
        settings.ldap_base_dn = "dc=example,dc=org";
      };
      ntfy-sh.enable = true;
      vaultwarden.enable = true;
      vaultwarden.config.DATA_FOLDER = "/srv/vault";
      dumpDatabase = {
        exclude = [
          "ntfy-sh-cache"
          "mysql"
        ];
        databases = {
          actual-account.enable = false;
          actual-budgets.source = "sqlite:/srv/budgets/*.sqlite";
          lldap.enable = false;
        };
      };
    };
  };
in
{
  testNothing = finds {
    vaultwarden.enable = true;
    vaultwarden.dbBackend = "postgresql";
  } { };
  testEverything = {
    expr = sourcesOf everything;
    expected = {
      postgresql = "postgresql://postgres@/?host=/run/postgresql&port=5432";
      mysql = "mariadb://dump-database@localhost/?socket=/run/mysqld/mysqld.sock";
      actual-account = "sqlite:/var/lib/actual/server-files/account.sqlite";
      actual-budgets = "sqlite:/var/lib/actual/user-files/*.sqlite";
      audiobookshelf = "sqlite:/var/lib/audiobookshelf/config/absdatabase.sqlite";
      forgejo = "sqlite:/var/lib/forgejo/data/forgejo.db";
      grafana = "sqlite:/var/lib/grafana/data/grafana.db";
      headscale = "sqlite:/var/lib/headscale/db.sqlite";
      lldap = "sqlite:/var/lib/lldap/users.db";
      ntfy-sh-auth = "sqlite:/var/lib/ntfy-sh/user.db";
      ntfy-sh-cache = "sqlite:/var/lib/ntfy-sh/cache-file.db";
      prowlarr = "sqlite:/var/lib/prowlarr/prowlarr.db";
      uptime-kuma = "sqlite:/var/lib/uptime-kuma/kuma.db";
      vaultwarden = "sqlite:/var/lib/vaultwarden/db.sqlite3";
      wakapi = "sqlite:/var/lib/wakapi/wakapi.db";
    };
  };
  testChanged = {
    expr = sourcesOf changed;
    expected = {
      postgresql = "postgresql://postgres@/?host=/run/postgresql&port=5433";
      actual-account = "sqlite:/var/lib/actual/server-files/account.sqlite";
      actual-budgets = "sqlite:/srv/budgets/*.sqlite";
      lldap = "sqlite:/var/lib/lldap/users.db";
      ntfy-sh-auth = "sqlite:/var/lib/ntfy-sh/user.db";
      vaultwarden = "sqlite:/srv/vault/db.sqlite3";
    };
  };
  testOff = finds {
    postgresql.enable = true;
    dumpDatabase.discover = false;
  } { };
  testDisabled = {
    expr = changed.systemd.services ? dump-database-lldap;
    expected = false;
  };

  testNeverStartsServer = {
    expr =
      let
        units = everything.systemd.services;
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
      config = everything;
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

  # Their `enable` is elsewhere than that of all others.
  testServerEnabled = {
    expr = sourcesOf (machine {
      disabledModules = [
        "services/monitoring/beszel-agent.nix"
        "services/monitoring/beszel-hub.nix"
        "services/networking/netbird.nix"
        "services/networking/netbird/server.nix"
        "services/security/kanidm.nix"
      ];
      options.services = lib.genAttrs [ "beszel" "kanidm" "netbird" ] (
        _: lib.mkOption { type = lib.types.attrs; }
      );
      config.services = {
        beszel.hub = {
          enable = true;
          dataDir = "/var/lib/beszel-hub";
        };
        kanidm.server = {
          enable = true;
          settings.db_path = "/var/lib/kanidm/kanidm.db";
        };
        netbird.server.management.enable = true;
      };
    });
    expected = {
      beszel = "sqlite:/var/lib/beszel-hub/beszel_data/data.db";
      kanidm = "sqlite:/var/lib/kanidm/kanidm.db";
      netbird = "sqlite:/var/lib/netbird-mgmt/data/store.db";
      netbird-events = "sqlite:/var/lib/netbird-mgmt/data/events.db";
    };
  };

  testRedis =
    finds
      {
        redis.servers."".enable = true;
        redis.servers.shop.enable = true;
        redis.servers.remote = {
          enable = true;
          unixSocket = null;
          port = 6380;
        };
        redis.servers.cache.enable = true;
        dumpDatabase.exclude = [ "redis-cache" ];
      }
      {
        redis = "redis+unix:///run/redis/redis.sock";
        redis-remote = "redis://localhost:6380";
        redis-shop = "redis+unix:///run/redis-shop/redis.sock";
      };
  # The password is the credential of both.
  testRedisWithPassword =
    let
      config = machine {
        services.redis.servers.shop = {
          enable = true;
          requirePassFile = "/run/secrets/redis";
        };
      };
      commandOf = unit: config.systemd.services.${unit}.serviceConfig.ExecStart;
    in
    {
      expr = [
        (lib.hasSuffix ''"--password-file" "%d/password" "redis+unix:///run/redis-shop/redis.sock"'' (
          commandOf "dump-database-redis-shop"
        ))
        (lib.hasSuffix ''"--password-file" "%d/password" ''${DUMP} ''${TARGET}'' (
          commandOf "dump-database-restore-redis-shop"
        ))
        config.systemd.services.dump-database-restore-redis-shop.serviceConfig.LoadCredential
        (builtins.fromJSON config.environment.etc."dump-database/restore.json".text).redis-shop
      ];
      expected = [
        true
        true
        [ "password:/run/secrets/redis" ]
        {
          directory = "/var/lib/dump-database/redis-shop";
          target = "redis+unix:///run/redis-shop/redis.sock";
        }
      ];
    };
}
