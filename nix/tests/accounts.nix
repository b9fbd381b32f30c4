# Who may reach what: the superuser of the local servers runs their dumps and nothing else.
{
  lib,
  machine,
  pkgs,
  ...
}:
let
  config = machine {
    services = {
      postgresql.enable = true;
      mysql = {
        enable = true;
        package = pkgs.mariadb;
      };
      dumpDatabase = {
        drill.enable = true;
        metrics.enable = true;
        ping.urlFile = "/run/secrets/ping";
        onSuccess = [ "restic-backups-dumps.service" ];
        onFailure = [ "alarm@%n.service" ];
        databases = {
          shop.source = "postgresql://dumper@db.example.org/shop";
          near.source = "mariadb://dumper@127.0.0.1/near";
          ldap.command = [ "slapcat" ];
          trusted = {
            command = [ "pg_dumpall" ];
            user = "postgres";
          };
          notes = {
            source = "/srv/notes.db";
            user = "notes";
          };
        };
      };
    };
  };
  services = lib.mapAttrs (_: unit: unit.serviceConfig) config.systemd.services;
  # The same machine without the module.
  without = machine {
    services = {
      postgresql.enable = true;
      mysql = {
        enable = true;
        package = pkgs.mariadb;
      };
      dumpDatabase.enable = lib.mkForce false;
    };
  };
  # Names of units that are not called after the module.
  strangers =
    kind:
    lib.filter (name: !(lib.hasPrefix "dump-database" name)) (
      lib.attrNames (removeAttrs config.systemd.${kind} (lib.attrNames without.systemd.${kind}))
    );
  users = lib.genAttrs [
    "postgresql"
    "mysql"
    "shop"
    "near"
    "ldap"
    "trusted"
    "notes"
  ] (name: services."dump-database-${name}".User);
  hidden = unit: services.${unit}.InaccessiblePaths;
  postgresql = "-/run/postgresql";
  mysql = "-/run/mysqld";
  is = expected: expr: { inherit expr expected; };
  ping = services.dump-database-ping;
in
{
  testUsers = is {
    postgresql = "dump-database";
    mysql = "dump-database";
    shop = "dump-database-guest";
    near = "dump-database-guest";
    ldap = "dump-database-guest";
    trusted = "postgres";
    notes = "notes";
  } users;
  testNamesOfUnits = is [ ] (
    lib.concatMap strangers [
      "services"
      "timers"
      "targets"
      "sockets"
      "paths"
    ]
  );
  testUsersOfLooks =
    is
      [ "dump-database-status" "dump-database-status" ]
      [
        services.dump-database.User
        services.dump-database-metrics.User
      ];
  testUsersExist = is [
    "dump-database"
    "dump-database-guest"
    "dump-database-status"
    "dump-database-survey"
  ] (lib.filter (lib.hasPrefix "dump-database") (lib.attrNames config.users.users));

  testHiddenFromPostgresql = is [ mysql ] (hidden "dump-database-postgresql");
  testHiddenFromMysql = is [ postgresql ] (hidden "dump-database-mysql");
  testHiddenFromOthers =
    is
      (lib.genList (_: [
        mysql
        postgresql
      ]) 9)
      (
        map hidden [
          "dump-database"
          "dump-database-metrics"
          "dump-database-survey"
          "dump-database-shop"
          "dump-database-near"
          "dump-database-ldap"
          "dump-database-notes"
          "dump-database-drill-postgresql"
          "dump-database-drill-mysql"
        ]
      );
  testHiddenFromTrusted = is [ ] (hidden "dump-database-trusted");

  testPing =
    is
      [
        [ "url:/run/secrets/ping" ]
        true
        true
      ]
      [
        ping.LoadCredential
        ping.DynamicUser
        (lib.all (path: lib.elem path ping.InaccessiblePaths) [
          mysql
          postgresql
          "-/var/lib/dump-database"
        ])
      ];
  testPingAfterRounds =
    is
      [
        [
          "restic-backups-dumps.service"
          "dump-database-ping.service"
        ]
        [
          "alarm@%n.service"
          "dump-database-ping-fail.service"
        ]
        [ "alarm@%n.service" ]
      ]
      [
        config.systemd.services.dump-database.unitConfig.OnSuccess
        config.systemd.services.dump-database.onFailure
        config.systemd.services.dump-database-shop.onFailure
      ];
  testNoAssertion = is [ ] (
    lib.filter (lib.hasInfix "services.dumpDatabase") (
      map (a: a.message) (lib.filter (a: !a.assertion) config.assertions)
    )
  );
}
