# The units of the drill and of the metrics.
{
  lib,
  machine,
  pkgs,
  ...
}:
let
  config = machine {
    services.dumpDatabase = {
      package = pkgs.hello // {
        meta.mainProgram = "dump-database";
      };
      discover = false;
      drill = {
        enable = true;
        timerConfig.OnCalendar = "daily";
        timeout = "2h";
      };
      metrics.enable = true;
      onFailure = [ "alarm@%n.service" ];
      databases = {
        notes = {
          source = "sqlite:/srv/notes.db";
          user = "notes";
          group = "staff";
          timeout = "5m";
        };
        shop = {
          source = "postgresql://dumper@db.example.org/shop";
          passwordFile = "/run/secrets/shop";
          path = [ pkgs.hello ];
        };
        near.source = "mariadb://dumper@127.0.0.1/near";
        ldap = {
          command = [
            "slapcat"
            "-n1"
          ];
          timerConfig.OnCalendar = "daily";
        };
      };
    };
  };
  inherit (config.systemd) services timers;
  drill = name: services."dump-database-drill-${name}";
  commandOf = unit: services.${unit}.serviceConfig.ExecStart;
  endsWith = command: unit: is true (lib.hasSuffix command (commandOf unit));
  members = map (name: "dump-database-drill-${name}.service") [
    "near"
    "notes"
    "shop"
  ];
  is = expected: expr: { inherit expr expected; };
in
{
  testCommand = endsWith ''/bin/dump-database" "drill" "--scratch" "/var/cache/dump-database-drill/notes" "--timeout" "5m" "/var/lib/dump-database/notes"'' "dump-database-drill-notes";
  # The program becomes a separate user, and needs to be root for that.
  testAccount = is false ((drill "notes").serviceConfig ? User);
  testDirectory = is ''"-/var/lib/dump-database/notes"'' (
    lib.head (drill "notes").serviceConfig.ReadWritePaths
  );
  testScratch = is "dump-database-drill/notes" (drill "notes").serviceConfig.CacheDirectory;
  testWithoutNetwork = is true (drill "shop").serviceConfig.PrivateNetwork;
  testWithoutSecret = is false ((drill "shop").serviceConfig ? LoadCredential);
  testServer = is true (
    lib.hasPrefix "${pkgs.postgresql}/bin:${pkgs.hello}/bin:" (drill "shop").environment.PATH
  );
  testOtherServer = is true (lib.hasPrefix "${pkgs.mariadb}/bin:" (drill "near").environment.PATH);
  testTimeout = is "2h" (drill "notes").serviceConfig.TimeoutStartSec;
  testNotYet = is "/var/lib/dump-database/notes/*" (drill "notes").unitConfig.ConditionPathExistsGlob;
  testOnFailure = is [ "alarm@%n.service" ] (drill "notes").onFailure;
  testOneByOne = is (lib.take 2 members) (drill "shop").after;
  testAll = is members services.dump-database-drill.wants;
  testAllAreAwaited = is members services.dump-database-drill.after;
  testTimer = is {
    OnCalendar = "daily";
    Persistent = true;
  } timers.dump-database-drill.timerConfig;
  testNothingToRestore = is false (services ? dump-database-drill-ldap);

  testMetrics = endsWith ''/bin/dump-database" "--metrics=/var/lib/dump-database-metrics/dump-database.prom" "/var/lib/dump-database/ldap" "/var/lib/dump-database/near" "/var/lib/dump-database/notes" "/var/lib/dump-database/shop"'' "dump-database-metrics";
  testMetricsTimer = is "1m" timers.dump-database-metrics.timerConfig.OnUnitActiveSec;
  testMetricsAreRead = is [
    "--collector.textfile.directory=/var/lib/dump-database-metrics"
  ] config.services.prometheus.exporters.node.extraFlags;

  testNoAssertion = is [ ] (
    lib.filter (lib.hasInfix "services.dumpDatabase") (
      map (a: a.message) (lib.filter (a: !a.assertion) config.assertions)
    )
  );
  testDynamicUser =
    let
      inherit
        ((machine {
          services.ntfy-sh.enable = true;
          services.dumpDatabase.drill.enable = true;
        }).systemd.services.dump-database-drill-ntfy-sh-auth
        )
        serviceConfig
        ;
    in
    is
      [
        false
        ''"-/var/lib/private/dump-database/ntfy-sh-auth"''
        true
      ]
      [
        (serviceConfig ? DynamicUser)
        (lib.head serviceConfig.ReadWritePaths)
        (lib.hasSuffix ''"/var/lib/private/dump-database/ntfy-sh-auth"'' serviceConfig.ExecStart)
      ];
}
