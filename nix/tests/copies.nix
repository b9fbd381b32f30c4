# The units of copies, of drills of copies, and what a round says of copies.
{
  lib,
  machine,
  pkgs,
  ...
}:
let
  database = {
    source = "sqlite:/srv/notes.db";
    user = "notes";
  };
  recipient = "age1${lib.fixedWidthString 58 "q" ""}";
  config = machine {
    networking.hostName = "web";
    networking.nameservers = [
      "127.0.0.1"
      "192.0.2.53"
    ];
    services.ntfy-sh.enable = true;
    services.dumpDatabase = {
      databases.notes = database;
      keepDaily = 7;
      onFailure = [ "alarm@%n.service" ];
      copies = {
        away = {
          to = "s3://backup/prod";
          environment.AWS_ENDPOINT_URL = "https://s3.example.org/100%";
          environmentFile = "/run/secrets/away";
          storeConfigFile = "/run/secrets/store";
          recipients = [
            recipient
            "ssh-ed25519 AAAA ada@example.org"
          ];
          keep = 3;
          limitRate = "10MB";
          rotate = false;
          readBack = true;
          includeReplaced = true;
          maxAge = "2h";
          timerConfig.OnUnitActiveSec = "30m";
        };
        disk = {
          to = "/mnt/my 50% disk/copies/";
          host = "other";
          timeout = "2h";
          extraArgs = [ "--log=debug" ];
          timerConfig.OnCalendar = "hourly";
        };
        near = {
          to = "s3://backup";
          environment.AWS_ENDPOINT_URL = "http://[::1]:3900";
          maxAge = null;
        };
        server = {
          to = "sftp://copies@192.0.2.7:2222/srv/copies";
          sshKeyFile = "/run/secrets/ssh";
          maxAge = "2h";
        };
      };
      drills.web = {
        from = "s3://backup/prod";
        host = "web";
        identityFile = "/run/secrets/key";
        path = [ ];
        timerConfig.OnCalendar = "daily";
      };
      drills.server = {
        from = "sftp://copies@192.0.2.7:2222/srv/copies";
        sshKeyFile = "/run/secrets/drill-ssh";
        environmentFile = "/run/secrets/drill";
        timeout = "3h";
        path = [ pkgs.mariadb ];
      };
    };
    fileSystems."/mnt/my 50% disk".device = "/dev/sdb1";
  };
  inherit (config.systemd) services timers;
  copy = name: services."dump-database-copy-${name}";
  drill = services.dump-database-drill-copies-web;
  is = expected: expr: { inherit expr expected; };
  has = part: text: is true (lib.hasInfix part text);
  round = services.dump-database.serviceConfig.ExecStart;

  messages =
    module:
    map (lib.replaceStrings [ "\n" ] [ " " ]) (
      lib.filter (lib.hasInfix "services.dumpDatabase") (
        map (a: a.message) (lib.filter (a: !a.assertion) (machine module).assertions)
      )
    );
  # What is wrong with one destination, beside databases that are right.
  says =
    fix: copy:
    is true (
      lib.any (lib.hasInfix fix) (messages {
        services.dumpDatabase = {
          databases.notes = database;
          copies.it = copy;
        };
      })
    );
in
{
  testCommand = has (''"copy" "--to" "s3://backup/prod" "--host" "web" "--state" "/var/lib/dump-database-copies" "--keep" "3" "--keep-daily" "7" "--timeout" "1h" "--limit-rate" "10MB" "--recipient" "${recipient}" "--recipient" "ssh-ed25519 AAAA ada@example.org" "--no-rotate" "--read-back" "--include-replaced" "--store-config" "%d/store-config" "/var/lib/dump-database"'') (copy "away")
  .serviceConfig.ExecStart;
  # No flag of what is not asked for.
  testPlainCommand = is true (
    lib.hasSuffix ''"copy" "--to" "s3://backup" "--host" "web" "--state" "/var/lib/dump-database-copies" "--keep" "5" "--keep-daily" "7" "--timeout" "1h" "/var/lib/dump-database"'' (copy "near")
    .serviceConfig.ExecStart
  );
  testTimeoutAndArguments = has ''"--timeout" "2h" "--log=debug" "/var/lib/dump-database"'' (copy "disk")
  .serviceConfig.ExecStart;
  testHost = has ''"--host" "other"'' (copy "disk").serviceConfig.ExecStart;
  testSecrets =
    is
      [
        "/run/secrets/away"
        [ "store-config:/run/secrets/store" ]
        [ "ssh-key:/run/secrets/ssh" ]
        "%d/ssh-key"
      ]
      [
        (copy "away").serviceConfig.EnvironmentFile
        (copy "away").serviceConfig.LoadCredential
        (copy "server").serviceConfig.LoadCredential
        (copy "server").environment.SFTP_KEY_FILE
      ];
  testEnvironment = is "https://s3.example.org/100%%" (copy "away").environment.AWS_ENDPOINT_URL;

  # It sees the dumps, and nothing else of the machine's data.
  testView =
    let
      inherit ((copy "away").serviceConfig) BindReadOnlyPaths;
      ofSystem = lib.filter (lib.hasPrefix "-/etc/") BindReadOnlyPaths;
    in
    is
      [
        [
          "/:ro"
          ''"/var/lib/dump-database:ro"''
        ]
        false
        [
          builtins.storeDir
          "/run/systemd/notify"
          ''"-/var/lib/dump-database/notes":"/var/lib/dump-database/notes"''
          ''"-/var/lib/private/dump-database/ntfy-sh-auth":"/var/lib/dump-database/ntfy-sh-auth"''
          ''"-/var/lib/private/dump-database/ntfy-sh-cache":"/var/lib/dump-database/ntfy-sh-cache"''
        ]
        [ "/var/lib/dump-database-copies" ]
        false
      ]
      [
        (copy "away").serviceConfig.TemporaryFileSystem
        (copy "away").serviceConfig.ProtectSystem
        (lib.subtractLists ofSystem BindReadOnlyPaths)
        (copy "away").serviceConfig.BindPaths
        (lib.elem "-/etc/shadow" ofSystem)
      ];
  testAccount =
    is
      [
        "dump-database-copy"
        "CAP_DAC_READ_SEARCH"
        "dump-database-copies"
        "0700"
        true
      ]
      [
        (copy "away").serviceConfig.User
        (copy "away").serviceConfig.CapabilityBoundingSet
        (copy "away").serviceConfig.StateDirectory
        (copy "away").serviceConfig.StateDirectoryMode
        (config.users.users ? dump-database-copy)
      ];

  # This machine's servers are out of reach, but for its name servers.
  testNetwork =
    is
      [
        false
        "localhost"
        [ "127.0.0.1" ]
      ]
      [
        (copy "away").serviceConfig.PrivateNetwork
        (copy "away").serviceConfig.IPAddressDeny
        (copy "away").serviceConfig.IPAddressAllow
      ];
  testAddress =
    is
      [
        "any"
        "192.0.2.7"
      ]
      [
        (copy "server").serviceConfig.IPAddressDeny
        (copy "server").serviceConfig.IPAddressAllow
      ];
  testLoopback = is "localhost" (copy "near").serviceConfig.IPAddressAllow;
  testNoNetwork =
    is
      [
        true
        "any"
        [ ]
        [ ]
      ]
      [
        (copy "disk").serviceConfig.PrivateNetwork
        (copy "disk").serviceConfig.IPAddressDeny
        (copy "disk").wants
        (lib.filter (lib.hasPrefix "-/etc/") (copy "disk").serviceConfig.BindReadOnlyPaths)
      ];
  testDumpsStayWithoutNetwork =
    is
      [ true "any" ]
      [
        services.dump-database-notes.serviceConfig.PrivateNetwork
        services.dump-database-notes.serviceConfig.IPAddressDeny
      ];

  testDirectory =
    is
      [
        ''"/mnt/my 50%% disk/copies"''
        ''"/mnt/my 50%% disk/copies"''
        [ "/mnt/my 50%% disk" ]
        [ "/mnt/my 50%% disk" ]
        true
      ]
      [
        (lib.last (copy "disk").serviceConfig.BindPaths)
        (copy "disk").unitConfig.RequiresMountsFor
        services.dump-database-destination-disk.unitConfig.AssertPathIsMountPoint
        (copy "disk").unitConfig.AssertPathIsMountPoint
        (lib.hasSuffix ''"--owner=dump-database-copy" "--group=dump-database-copy" "/mnt/my 50%% disk/copies"'' services.dump-database-destination-disk.serviceConfig.ExecStart)
      ];

  testTimer = is {
    OnBootSec = "5m";
    OnUnitActiveSec = "30m";
    RandomizedDelaySec = "1m";
  } timers.dump-database-copy-away.timerConfig;
  testCalendar = is {
    OnCalendar = "hourly";
    RandomizedDelaySec = "1m";
  } timers.dump-database-copy-disk.timerConfig;
  testOnFailure = is [ "alarm@%n.service" ] (copy "away").onFailure;

  # Each greatest age of copies is judged by itself.
  testRound =
    is
      [
        true
        true
        false
      ]
      [
        (lib.hasInfix ''"--max-age=30m" "--state=/var/lib/dump-database-copies" "--max-copy-age=1h" "--copied-to=/mnt/my 50%% disk/copies/" "/var/lib/dump-database/notes"'' round)
        (lib.hasInfix ''"--max-copy-age=2h" "--copied-to=s3://backup/prod" "--copied-to=sftp://copies@192.0.2.7:2222/srv/copies" "/var'' round)
        (lib.hasInfix "--copied-to=s3://backup\"" round)
      ];

  testDrill =
    is
      [
        true
        [ "identity:/run/secrets/key" ]
        "/var/cache/dump-database-drill-copies-web"
        false
        "daily"
      ]
      [
        (lib.hasSuffix ''"drill" "--scratch" "/var/cache/dump-database-drill-copies-web" "--host" "web" "--identity" "%d/identity" "s3://backup/prod"'' drill.serviceConfig.ExecStart)
        drill.serviceConfig.LoadCredential
        drill.environment.TMPDIR
        drill.serviceConfig.PrivateNetwork
        timers.dump-database-drill-copies-web.timerConfig.OnCalendar
      ];
  testDrillOfServer =
    is
      [
        "3h"
        [
          true
          false
        ]
        "/run/secrets/drill"
        [ "ssh-key:/run/secrets/drill-ssh" ]
      ]
      (
        let
          unit = services.dump-database-drill-copies-server;
          text = value: builtins.unsafeDiscardStringContext (toString value);
        in
        [
          unit.serviceConfig.TimeoutStartSec
          (map (package: lib.hasInfix (text package) (text unit.path)) [
            pkgs.mariadb
            pkgs.postgresql
          ])
          unit.serviceConfig.EnvironmentFile
          unit.serviceConfig.LoadCredential
        ]
      );
  # A machine that drills copies of others dumps nothing itself.
  testDrillAlone =
    let
      alone = {
        services.dumpDatabase.drills.web.from = "/mnt/copies";
      };
    in
    is
      [
        [ ]
        false
        true
      ]
      [
        (messages alone)
        ((machine alone).systemd.timers ? dump-database)
        (machine alone).systemd.services.dump-database-drill-copies-web.serviceConfig.PrivateNetwork
      ];

  testNoAssertion = is [ ] (
    lib.filter (lib.hasInfix "services.dumpDatabase") (
      map (a: a.message) (lib.filter (a: !a.assertion) config.assertions)
    )
  );
  testUnknown = says "is none of s3://, gs://, az://, sftp://, webdavs://, webdav:// and" {
    to = "ftp://x/y";
  };
  testRelative = says "is none of s3://" { to = "copies"; };
  testPassword = says "copies.it.to holds a password" { to = "sftp://ada:secret@x/y"; };
  testSecretInStore = says "its environment holds AWS_SECRET_ACCESS_KEY" {
    to = "s3://x";
    environment.AWS_SECRET_ACCESS_KEY = "secret";
  };
  testRecipient = says "a recipient is a public key" {
    to = "s3://x";
    recipients = [ "AGE-SECRET-KEY-1QQ" ];
  };
  testHome = says "copies cannot live in /home/ada/copies" { to = "file:/home/ada/copies"; };
  testAmongDumps = says "copies cannot live in the directory of the dumps" {
    to = "/var/lib/dump-database/copies";
  };
  testKey = says "only sftp:// destinations take an sshKeyFile" {
    to = "s3://x";
    sshKeyFile = "/run/secrets/ssh";
  };
  testTwice = says "also and it have the same destination, s3://x" { to = "s3://x"; } // {
    expr = lib.any (lib.hasInfix "also and it have the same destination, s3://x") (messages {
      services.dumpDatabase = {
        databases.notes = database;
        copies.it.to = "s3://x";
        copies.also.to = "s3://x";
      };
    });
  };
  testNothingToCopy = is true (
    lib.any (lib.hasInfix "there is nothing to copy") (messages {
      services.dumpDatabase.drills.it.from = "/mnt/copies";
      services.dumpDatabase.copies.it.to = "/mnt/copies";
    })
  );
  testUnitOfTheSameName = is true (
    lib.any (lib.hasInfix "databases.copy-it: its unit would have the name") (messages {
      services.dumpDatabase = {
        databases.copy-it = database;
        copies.it.to = "/mnt/copies";
      };
    })
  );
}
