# Each mistake is refused, with a message that says what to write instead.
{
  lib,
  machine,
  ...
}:
let
  messages =
    module:
    lib.filter (lib.hasInfix "services.dumpDatabase") (
      map (a: a.message) (lib.filter (a: !a.assertion) (machine module).assertions)
    );
  refused = module: fix: {
    expr =
      lib.filter (lib.hasInfix fix) (
        map (lib.replaceStrings [ "\n" ] [ " " ]) (messages {
          services.dumpDatabase = module;
        })
      ) != [ ];
    expected = true;
  };
  notes = {
    source = "/srv/notes.db";
    user = "notes";
  };
  database = settings: fix: refused { databases.it = settings; } fix;
in
{
  testGood = {
    expr = messages { services.dumpDatabase.databases = { inherit notes; }; };
    expected = [ ];
  };
  testNothing = refused { } "services.dumpDatabase.databases.notes = {";
  testDirectoryUnderHome = refused {
    directory = "/home/ada/dumps";
    databases = { inherit notes; };
  } "Use a directory such as /var/lib/dump-database";
  testRoundLongerThanInterval = refused {
    roundTimeout = "1h";
    databases = { inherit notes; };
  } "roundTimeout (1h) must be below";
  testTimerWithoutBeginning = refused {
    drill.timerConfig.OnUnitActiveSec = "1d";
    databases = { inherit notes; };
  } "drill.timerConfig: nothing in it starts the unit after a boot";
  testOwnTimerWithoutBeginning = database (
    notes // { timerConfig.OnUnitActiveSec = "1d"; }
  ) "databases.it.timerConfig: nothing in it starts the unit after a boot";
  testOneSourceTwice = refused {
    databases = {
      inherit notes;
      again = notes // {
        source = "sqlite:/srv/notes.db";
      };
    };
  } "again and notes have the same source";
  testName = refused { databases."a/b c" = notes; } "Use letters, digits";
  testReservedName = refused { databases.private = notes; } "Use letters, digits";
  testNameOfUnit = refused { databases.metrics = notes; } "Use letters, digits";
  testNameOfDrill = refused { databases.drill-notes = notes; } "Use letters, digits";
  testNeither = database { } "set either `source`";
  testBoth = database (notes // { command = [ "true" ]; }) "set either `source`";
  testEmptyCommand = database { command = [ ]; } "name the program";
  testUnknownEngine = database { source = "oracle://db/it"; } "is none of sqlite:PATH";
  testPassword = database {
    source = "postgresql://ada:secret@db.example.org/it";
  } "name that in services.dumpDatabase.databases.it.passwordFile";
  testPasswordParameter = database {
    source = "postgresql://db.example.org/it?user=ada&password=secret";
  } "name that in services.dumpDatabase.databases.it.passwordFile";
  testRelativeFile = database {
    source = "sqlite:notes.db";
    user = "notes";
  } "must be absolute";
  testGlobInDirectory = database {
    source = "/srv/*/notes.db";
    user = "notes";
  } "last component";
  testNoOwner = database { source = "/srv/notes.db"; } "Set services.dumpDatabase.databases.it.user";
  testNoService = database {
    source = "/srv/notes.db";
    service = "nowhere";
  } "set services.dumpDatabase.databases.it.enable = false";
  testNoPostgresql = database {
    source = "postgresql:///it";
  } "Set services.postgresql.enable = true";
  testNoMysql = database {
    source = "mysql://localhost/it";
  } "Set services.mysql.enable = true";
  testFormat = database (notes // { format = "custom"; }) "Remove it";
  testPasswordOfFile = database (notes // { passwordFile = "/run/secrets/it"; }) "Remove it";

  testAuthentication = {
    expr =
      lib.any (lib.hasInfix "Put this line first: local all postgres peer map=postgres")
        (messages {
          services.postgresql.enable = true;
          services.postgresql.authentication = lib.mkForce "local all all peer";
        });
    expected = true;
  };
  testIdentityMap = {
    expr = lib.any (lib.hasInfix "Add this line: postgres dump-database postgres") (messages {
      services.postgresql.enable = true;
      services.postgresql.identMap = lib.mkForce "postgres postgres postgres";
    });
    expected = true;
  };
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
