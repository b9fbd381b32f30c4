# Each mistake is refused, with a message that says what to write instead.
{
  lib,
  machine,
  ...
}:
let
  messages =
    module:
    map (lib.replaceStrings [ "\n" ] [ " " ]) (
      lib.filter (lib.hasInfix "services.dumpDatabase") (
        map (a: a.message) (lib.filter (a: !a.assertion) (machine module).assertions)
      )
    );
  says = fix: found: {
    expr = lib.any (lib.hasInfix fix) found;
    expected = true;
  };
  notes = {
    source = "/srv/notes.db";
    user = "notes";
  };

  # Mistakes in one database, which do not exclude each other: one machine has them all.
  mistakes = {
    "a/b c" = [
      (notes // { source = "/srv/0.db"; })
      "databases.a/b c: the name becomes"
    ];
    private = [
      (notes // { source = "/srv/1.db"; })
      "databases.private: the name becomes"
    ];
    survey = [
      (notes // { source = "/srv/12.db"; })
      "databases.survey: the name becomes"
    ];
    rows-of-file = [
      (
        notes
        // {
          source = "/srv/13.db";
          excludeRows = [ "log_*" ];
        }
      )
      "databases.rows-of-file: only tables of PostgreSQL, MySQL"
    ];
    sessions-of-file = [
      (
        notes
        // {
          source = "/srv/14.db";
          sessions = 2;
        }
      )
      "databases.sessions-of-file: only dumps of PostgreSQL have `sessions`"
    ];
    rows-of-server = [
      {
        source = "postgresql://dumper@db.example.org/";
        excludeTables = [ "audit_*" ];
      }
      "databases.rows-of-server: `excludeTables` and `excludeRows` concern one"
    ];
    metrics = [
      (notes // { source = "/srv/2.db"; })
      "databases.metrics: the name becomes"
    ];
    drill-notes = [
      (notes // { source = "/srv/3.db"; })
      "databases.drill-notes: the name becomes"
    ];
    neither = [
      { }
      "databases.neither: set either `source`"
    ];
    both = [
      {
        source = "/srv/4.db";
        user = "notes";
        command = [ "true" ];
      }
      "databases.both: set either `source`"
    ];
    empty = [
      { command = [ ]; }
      "databases.empty.command: name the program"
    ];
    oracle = [
      { source = "oracle://db/it"; }
      "databases.oracle.source: \"oracle://db/it\" is none of sqlite:PATH"
    ];
    embedded = [
      { source = "postgresql://ada:secret@db.example.org/it"; }
      "name that in services.dumpDatabase.databases.embedded.passwordFile"
    ];
    parameter = [
      { source = "postgresql://db.example.org/it?user=ada&password=secret"; }
      "name that in services.dumpDatabase.databases.parameter.passwordFile"
    ];
    relative = [
      {
        source = "sqlite:notes.db";
        user = "notes";
      }
      "databases.relative.source: the path of the SQLite file must be absolute"
    ];
    glob = [
      {
        source = "/srv/*/notes.db";
        user = "notes";
      }
      "databases.glob.source: `*` may stand in the last component"
    ];
    ownerless = [
      { source = "/srv/5.db"; }
      "Set services.dumpDatabase.databases.ownerless.user"
    ];
    nowhere = [
      {
        source = "/srv/6.db";
        service = "nowhere";
      }
      "set services.dumpDatabase.databases.nowhere.enable = false"
    ];
    local = [
      { source = "postgresql:///it"; }
      "databases.local: its source is a PostgreSQL server of this machine"
    ];
    near = [
      { source = "mysql://localhost/it"; }
      "databases.near: its source is a MySQL/MariaDB server of this machine"
    ];
    format = [
      (
        notes
        // {
          source = "/srv/7.db";
          format = "custom";
        }
      )
      "databases.format.format: only dumps of PostgreSQL have a format. Remove it"
    ];
    keyed = [
      (
        notes
        // {
          source = "/srv/8.db";
          passwordFile = "/run/secrets/it";
        }
      )
      "databases.keyed.passwordFile: only a server asks for a password. Remove it"
    ];
    timed = [
      (
        notes
        // {
          source = "/srv/9.db";
          timerConfig.OnUnitActiveSec = "1d";
        }
      )
      "databases.timed.timerConfig: nothing in it starts the unit after a boot"
    ];
    again = [
      (notes // { source = "sqlite:/srv/notes.db"; })
      "again and notes have the same source"
    ];
  };
  all = messages {
    services.dumpDatabase = {
      databases = lib.mapAttrs (_: lib.head) mistakes // {
        inherit notes;
      };
      directory = "/home/ada/dumps";
      roundTimeout = "1h";
      drill.timerConfig.OnUnitActiveSec = "1d";
    };
  };
  refused = messages {
    services.postgresql = {
      enable = true;
      authentication = lib.mkForce "local all all peer";
      identMap = lib.mkForce "postgres postgres postgres";
    };
  };
  # Where the module has an option for a timer.
  timers =
    (machine (
      { options, ... }:
      {
        options.timers = lib.mkOption { };
        config.timers =
          map (option: map (part: if lib.hasPrefix "<" part then "timed" else part) option.loc)
            (
              lib.filter (option: lib.last option.loc == "timerConfig") (
                lib.optionAttrSetToDocList options.services.dumpDatabase
              )
            );
      }
    )).timers;
in
lib.mapAttrs' (
  name: mistake: lib.nameValuePair "test ${name}" (says (lib.last mistake) all)
) mistakes
// {
  # Each mistake once, and nothing else.
  testCount = {
    expr = lib.length all;
    expected = lib.length (lib.attrNames mistakes) + 3;
  };
  testDirectoryUnderHome = says "Use a directory such as /var/lib/dump-database" all;
  testRoundLongerThanInterval = says "roundTimeout (1h) must be below" all;
  testTimerWithoutBeginning = says "drill.timerConfig: nothing in it starts the unit after a boot" all;
  # Each timer that the module has options for, also one that is added later: emptied of what starts it
  # after a boot, it is refused.
  testEveryTimer = {
    expr = lib.filter (
      loc:
      !(lib.any (lib.hasPrefix "${lib.concatStringsSep "." loc}: nothing in it starts the unit")
        (messages {
          imports = [
            (lib.setAttrByPath loc {
              OnUnitActiveSec = "1d";
              OnBootSec = "";
              OnCalendar = "";
            })
            (lib.setAttrByPath (lib.init loc) (
              {
                copies.to = "/mnt/copies";
                drills.from = "/mnt/copies";
              }
              .${lib.elemAt loc 2} or { }
            ))
          ];
        })
      )
    ) timers;
    expected = [ ];
  };
  testTimers = {
    expr = lib.length timers >= 5;
    expected = true;
  };

  testGood = {
    expr = messages { services.dumpDatabase.databases = { inherit notes; }; };
    expected = [ ];
  };
  testNothing = says "services.dumpDatabase.databases.notes = {" (messages { });
  testAuthentication = says "Put this line first: local all postgres peer map=postgres" refused;
  testIdentityMap = says "Add this line: postgres dump-database postgres" refused;
  testSecretInStore = {
    expr =
      (builtins.tryEval
        (machine {
          services.dumpDatabase.databases.it.passwordFile =
            "${builtins.storeDir}/${lib.fixedWidthString 32 "0" ""}-secret";
        }).services.dumpDatabase.databases.it.passwordFile
      ).success;
    expected = false;
  };
}
