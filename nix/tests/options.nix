# Each option reaches the unit it should.
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
      keep = 7;
      keepDaily = 30;
      compression = "zstd:3";
      timerConfig.OnUnitActiveSec = "20m";
      roundTimeout = "15m";
      maxAge = "1h";
      exclude = [ "test_*" ];
      sessions = 3;
      largeTable = "64MiB";
      survey = {
        places = [
          "/var/lib"
          "/data/100%"
        ];
        ignore = [ "/var/lib/cache/*" ];
        timeout = "2h";
        timerConfig.OnCalendar = "03:00";
      };
      skipUnchanged = true;
      onFailure = [ "alarm@%n.service" ];
      databases = {
        notes = {
          source = "sqlite:/srv/my notes/100%$HOME.db";
          user = "notes";
          group = "staff";
          optional = true;
          keep = 9;
          keepHourly = 24;
          keepWeekly = 4;
          keepMonthly = 12;
          keepYearly = 3;
          timeout = "5m";
          environmentFile = "/run/secrets/notes.env";
          extraArgs = [
            "--busy-timeout"
            "2m"
          ];
        };
        many = {
          source = "/srv/many/*.db";
          user = "many";
        };
        home = {
          source = "/home/ada/cards.db";
          user = "ada";
        };
        shop = {
          source = "postgresql://dumper@db.example.org/my%20shop?sslmode=verify-full";
          passwordFile = "/run/secrets/shop";
          format = "custom";
          skipUnchanged = false;
          sessions = 1;
          largeTable = "1GB";
          excludeTables = [
            "audit_*"
            "history.*"
          ];
          excludeRows = [ "log_*" ];
        };
        near = {
          source = "mariadb://dumper@127.0.0.1/near";
        };
        numbered = {
          source = "postgresql://dumper@[2001:db8::1]:5433/";
        };
        ldap = {
          command = [
            "slapcat"
            "-n1"
          ];
          path = [ pkgs.hello ];
          user = "openldap";
          timerConfig.OnCalendar = "daily";
          maxAge = "2d";
        };
        unjudged = {
          command = [ "true" ];
          timerConfig.OnCalendar = "monthly";
        };
        off = {
          enable = false;
          source = "/nowhere";
        };
      };
    };
  };
  unit = name: config.systemd.services."dump-database-${name}";
  commandOf = name: (unit name).serviceConfig.ExecStart;
  says = name: text: lib.hasInfix text (commandOf name);
  round = config.systemd.services.dump-database;
  survey = config.systemd.services.dump-database-survey;
  inherit (config.systemd) timers;
  isTrue = expr: {
    inherit expr;
    expected = true;
  };
  is = expected: expr: { inherit expr expected; };
in
{
  testCommand = isTrue (
    says "notes" ''/bin/dump-database" "dump" "--to" "/var/lib/dump-database/notes" "--name" "notes"''
  );
  testPackage = isTrue (lib.hasPrefix ''"${pkgs.hello}/bin/dump-database" '' (commandOf "notes"));
  testSourceIsEscaped = isTrue (says "notes" ''"sqlite:/srv/my notes/100%%$$HOME.db"'');
  testUrlIsEscaped = isTrue (
    says "shop" ''"postgresql://dumper@db.example.org/my%%20shop?sslmode=verify-full"''
  );
  testRetention = isTrue (
    says "notes" ''"--keep" "9" "--keep-hourly" "24" "--keep-daily" "30" "--keep-weekly" "4" "--keep-monthly" "12" "--keep-yearly" "3"''
  );
  testRetentionOfAll = isTrue (says "shop" ''"--keep" "7" "--keep-daily" "30" "--compress"'');
  testCompression = isTrue (says "notes" ''"--compress" "zstd:3"'');
  testTimeout = isTrue (says "notes" ''"--timeout" "5m"'');
  testTimeoutOfUnit = is "5m 1min" (unit "notes").serviceConfig.TimeoutStartSec;
  testExtraArgs = isTrue (says "notes" ''"--busy-timeout" "2m" "sqlite:'');
  testFormat = isTrue (says "shop" ''"--format" "custom"'');
  testSessions = isTrue (says "shop" ''"--format" "custom" "--sessions" "1" "--large-table" "1GB"'');
  testSessionsOfAll = isTrue (says "numbered" ''"--sessions" "3" "--large-table" "64MiB"'');
  testSessionsOfPostgresqlOnly =
    is
      [
        false
        false
      ]
      (
        map (name: says name "--sessions" || says name "--large-table") [
          "notes"
          "near"
        ]
      );
  testLeftOut = isTrue (
    says "shop" ''"--exclude-table" "audit_*" "--exclude-table" "history.*" "--exclude-rows" "log_*"''
  );
  testNothingLeftOut = is false (
    says "numbered" "--exclude-table" || says "numbered" "--exclude-rows"
  );
  testSkipUnchanged = isTrue (says "notes" ''"--skip-unchanged"'');
  testSkipUnchangedNot = is false (says "shop" "--skip-unchanged");
  testExcludeFromServer = isTrue (says "numbered" ''"--exclude" "test_*"'');
  testExcludeNotFromFile = is false (says "notes" "--exclude");
  testServerNamesItself = is false (says "shop" "--name");
  testPassword = isTrue (says "shop" ''"--password-file" "%d/password" "postgresql'');
  testCredential = is [ "password:/run/secrets/shop" ] (unit "shop").serviceConfig.LoadCredential;
  testEnvironmentFile = is "/run/secrets/notes.env" (unit "notes").serviceConfig.EnvironmentFile;
  testProgram = isTrue (lib.hasSuffix ''"--" "slapcat" "-n1"'' (commandOf "ldap"));
  testPath = isTrue (lib.hasPrefix "${pkgs.hello}/bin:" (unit "ldap").environment.PATH);
  testGlob = isTrue (says "many" ''"exec \"$$@\" /srv/many/*.db" "sh"'');

  testUser = is "notes" (unit "notes").serviceConfig.User;
  testGroup = is "staff" (unit "notes").serviceConfig.Group;
  testUserOfServer = is "dump-database-guest" (unit "shop").serviceConfig.User;
  testOwnUser = is "dump-database" config.users.users.dump-database.group;
  testStateDirectory = is [ "dump-database/notes" ] (unit "notes").serviceConfig.StateDirectory;
  testStateDirectoryMode = is "0700" (unit "notes").serviceConfig.StateDirectoryMode;
  testDirectoryOfFile = is [ ''"-/srv/my notes"'' ] (unit "notes").serviceConfig.ReadWritePaths;
  testNotYet = is [ "|/srv/my notes/100%%$HOME.db" ] (unit "notes").unitConfig.ConditionPathExists;
  testNotYetUntilDumped = is [
    "|/var/lib/dump-database/notes/*"
  ] (unit "notes").unitConfig.ConditionPathExistsGlob;
  testAlways = is false ((unit "home").unitConfig ? ConditionPathExists);
  testHome = is "read-only" (unit "home").serviceConfig.ProtectHome;
  testNoHome = isTrue (unit "notes").serviceConfig.ProtectHome;

  testNoNetwork = isTrue (unit "notes").serviceConfig.PrivateNetwork;
  testNetworkByName =
    is
      [ false "" ]
      [
        (unit "shop").serviceConfig.PrivateNetwork
        (unit "shop").serviceConfig.IPAddressDeny
      ];
  testNetworkByAddress =
    is
      [ "any" "2001:db8::1" ]
      [
        (unit "numbered").serviceConfig.IPAddressDeny
        (unit "numbered").serviceConfig.IPAddressAllow
      ];
  testLoopback = is "localhost" (unit "near").serviceConfig.IPAddressAllow;

  testOnFailure = is [ "alarm@%n.service" ] (unit "notes").onFailure;
  testOnFailureOfRound = is [ "alarm@%n.service" ] round.onFailure;
  testRestart = is false (unit "notes").restartIfChanged;
  testDisabled = is false (config.systemd.services ? dump-database-off);
  testRoundWants = is (map (name: "dump-database-${name}.service") [
    "home"
    "many"
    "near"
    "notes"
    "numbered"
    "shop"
  ]) round.wants;
  testRoundAfter = is round.wants round.after;
  testRoundTimeout = is "15m" round.unitConfig.JobTimeoutSec;
  testRoundJudges = isTrue (
    lib.hasInfix ''/bin/dump-database" "--max-age=1h" "/var/lib/dump-database/home" "/var/lib/dump-database/many"'' round.serviceConfig.ExecStart
  );
  testRoundAwaits = isTrue (
    lib.hasInfix ''"--" "/srv/my notes/100%%$$HOME.db" "/var/lib/dump-database/notes" "--max-age='' round.serviceConfig.ExecStart
  );
  testRoundJudgesByAge = isTrue (
    lib.hasSuffix ''"--max-age=2d" "/var/lib/dump-database/ldap"'' round.serviceConfig.ExecStart
  );
  testRoundOfOthers =
    let
      alone = machine {
        services.dumpDatabase.databases.ldap = {
          command = [ "true" ];
          timerConfig.OnCalendar = "daily";
          maxAge = "2d";
        };
      };
      inherit (alone.systemd.services) dump-database;
    in
    is
      [
        [ ]
        true
        true
      ]
      [
        dump-database.wants
        (lib.hasSuffix ''"--max-age=2d" "/var/lib/dump-database/ldap"'' dump-database.serviceConfig.ExecStart)
        (alone.systemd.timers ? dump-database)
      ];
  testTimer = is {
    OnBootSec = "2m";
    OnUnitActiveSec = "20m";
  } timers.dump-database.timerConfig;
  testOwnTimer = is "daily" timers.dump-database-ldap.timerConfig.OnCalendar;
  testSurvey = isTrue (
    lib.hasSuffix ''/bin/dump-database" "survey" "--record" "/var/lib/dump-database-survey/survey.json" "--dumps" "/var/lib/dump-database" "--timeout" "2h" "--ignore" "/var/lib/cache/*" "--" "/var/lib" "/data/100%%"'' survey.serviceConfig.ExecStart
  );
  testSurveyTimer = is { OnCalendar = "03:00"; } timers.dump-database-survey.timerConfig;
  # No database of a home is looked for.
  testSurveyOfNoHome = isTrue survey.serviceConfig.ProtectHome;
  testSurveyReachesNothing =
    is
      [
        "any"
        "AF_UNIX"
        "dump-database-survey"
        [ "alarm@%n.service" ]
      ]
      [
        survey.serviceConfig.IPAddressDeny
        survey.serviceConfig.RestrictAddressFamilies
        survey.serviceConfig.User
        survey.onFailure
      ];
  testNoSurvey =
    let
      without = machine {
        services.dumpDatabase.survey.enable = false;
        services.dumpDatabase.databases.ldap.command = [ "true" ];
      };
    in
    is
      [
        false
        false
        false
      ]
      [
        (without.systemd.services ? dump-database-survey)
        (without.systemd.timers ? dump-database-survey)
        (without.users.users ? dump-database-survey)
      ];
  testNoAssertion = is [ ] (
    lib.filter (lib.hasInfix "services.dumpDatabase") (
      map (a: a.message) (lib.filter (a: !a.assertion) config.assertions)
    )
  );

  testDefaults =
    let
      plain = machine {
        services.dumpDatabase.databases.notes = {
          source = "/srv/notes.db";
          user = "notes";
        };
      };
    in
    is
      {
        timerConfig = {
          OnBootSec = "2m";
          OnUnitActiveSec = "10m";
        };
        otherTimers = [ "dump-database-survey" ];
        survey = {
          OnBootSec = "10m";
          OnUnitActiveSec = "1d";
        };
        surveyOfHomes = "read-only";
        keeps = true;
        skips = false;
        pings = false;
        exporterFlags = [ ];
      }
      {
        inherit (plain.systemd.timers.dump-database) timerConfig;
        otherTimers = lib.filter (lib.hasPrefix "dump-database-") (lib.attrNames plain.systemd.timers);
        survey = plain.systemd.timers.dump-database-survey.timerConfig;
        surveyOfHomes = plain.systemd.services.dump-database-survey.serviceConfig.ProtectHome;
        # Five, and nothing else of a retention policy.
        keeps = lib.hasInfix ''"--keep" "5" "--compress"'' plain.systemd.services.dump-database-notes.serviceConfig.ExecStart;
        pings = plain.systemd.services ? dump-database-ping;
        skips = lib.hasInfix "--skip-unchanged" plain.systemd.services.dump-database-notes.serviceConfig.ExecStart;
        exporterFlags = plain.services.prometheus.exporters.node.extraFlags;
      };
}
