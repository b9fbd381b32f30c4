# Every mistake that can be seen before anything runs, each with what to write instead.
{
  config,
  lib,
  ...
}:
let
  cfg = config.services.dumpDatabase;
  source = import ./source.nix lib;
  timer = import ./timer.nix lib;
  databases = lib.filterAttrs (_: db: db.enable) cfg.databases;
  option = name: "services.dumpDatabase.databases.${name}";

  isUnder =
    directories: path: lib.any (directory: lib.hasPrefix "${directory}/" "${path}/") directories;

  # Where units see nothing, and where files may not last.
  isVolatile = isUnder [
    "/home"
    "/root"
    "/run"
    "/tmp"
    "/var/tmp"
  ];

  # Seconds of a span that is one number and one unit, which nearly all are; else null.
  seconds =
    span:
    let
      parts = builtins.match "([0-9]+) *(s|sec|m|min|h|d)?" (toString span);
      unit = builtins.elemAt parts 1;
    in
    if parts == null then
      null
    else
      lib.toInt (lib.head parts)
      * {
        m = 60;
        min = 60;
        h = 3600;
        d = 86400;
      }
      .${if unit == null then "s" else unit} or 1;

  interval = seconds (cfg.timerConfig.OnUnitActiveSec or "");
  longest = seconds cfg.roundTimeout;

  # Names of units and of a directory of the module itself.
  reserved = [
    "directory"
    "drill"
    "metrics"
    "ping"
    "ping-fail"
    "private"
    "survey"
  ];
  isReserved = name: lib.elem name reserved || lib.hasPrefix "drill-" name;
  # Whether the unit of a database would have the name of another unit, of copies or of restores.
  isTaken =
    name:
    lib.any (
      prefix:
      lib.hasPrefix "${prefix}-" name && cfg.${units.${prefix}} ? ${lib.removePrefix "${prefix}-" name}
    ) (lib.attrNames units);
  units = {
    copy = "copies";
    destination = "copies";
    restore = "databases";
  };

  beginsByItself = path: timerConfig: {
    assertion = timerConfig == null || timer.begins timerConfig;
    message = ''
      ${path}: nothing in it starts the unit after a boot. Add one of
      ${lib.concatStringsSep ", " timer.beginning}, for example OnBootSec = "2m".'';
  };

  mapsSuperuser = import ./authentication.nix lib (config.services.postgresql.authentication or "");
  isMapped = lib.any (
    line: builtins.match "[ \t]*postgres[ \t]+dump-database[ \t]+postgres[ \t]*(#.*)?" line != null
  ) (lib.splitString "\n" (config.services.postgresql.identMap or ""));

  assertionsOf =
    name: db:
    let
      engine = source.engine db;
      local = source.isServer db && source.host db == null;
      needs = assertion: message: { inherit assertion message; };
      leavesOut = db.excludeTables != [ ] || db.excludeRows != [ ];
      hasTables = lib.elem engine [
        "postgresql"
        "mysql"
      ];
    in
    [
      (needs (builtins.match "[A-Za-z0-9_][A-Za-z0-9._-]*" name != null && !(isReserved name)) ''
        ${option name}: the name becomes that of a unit and of a directory. Use letters, digits
        and ._- only, and none of ${lib.concatStringsSep ", " reserved} and drill-*; what the
        database itself is called belongs in `source`.'')
      (needs (
        !(isTaken name)
      ) "${option name}: its unit would have the name of the unit of a copy or a restore. Rename it.")
      (beginsByItself "${option name}.timerConfig" db.timerConfig)
      (needs ((db.source == null) != (db.command == null)) ''
        ${option name}: set either `source` (where the database is reached) or `command` (a
        program that prints the dump), and only one of them.'')
      (needs (db.source == null || engine != null)
        ''
          ${option name}.source: "${toString db.source}" is none of sqlite:PATH, /PATH,
          postgresql://..., mysql://..., mariadb://..., redis://..., redis+unix://... and the like of valkey.''
      )
      (needs (db.command == null || db.command != [ ]) "${option name}.command: name the program to run.")
      (needs (!(source.hasPassword db)) ''
        ${option name}.source holds a password, which would be in the Nix store for everyone to
        read. Write it into a file and name that in ${option name}.passwordFile.'')
      (needs (
        engine != "sqlite" || lib.hasPrefix "/" (source.file db)
      ) "${option name}.source: the path of the SQLite file must be absolute.")
      (needs (
        engine != "sqlite" || !(lib.hasInfix "*" (dirOf (source.file db)))
      ) "${option name}.source: `*` may stand in the last component of the path only.")
      (needs (engine != "sqlite" || db.user != null || db.service != null) ''
        ${option name}: an SQLite file is dumped as its owner. Set ${option name}.user to that
        user, or ${option name}.service to the service that runs as it.'')
      (needs (db.service == null || config.systemd.services ? ${db.service}) ''
        ${option name}.service: this machine has no service "${toString db.service}". Enable it,
        or set ${option name}.enable = false.'')
      (needs (!(local && engine == "postgresql") || config.services.postgresql.enable) ''
        ${option name}: its source is a PostgreSQL server of this machine, which does not enable
        one. Set services.postgresql.enable = true, or name the host in the source.'')
      (needs (!(local && engine == "mysql") || config.services.mysql.enable) ''
        ${option name}: its source is a MySQL/MariaDB server of this machine, which does not enable
        one. Set services.mysql.enable = true, or name the host in the source.'')
      (needs
        (
          !(local && engine == "postgresql" && config.services.postgresql.enable)
          || db.user != null
          || mapsSuperuser
        )
        ''
          ${option name}: services.postgresql.authentication does not let the dump in as postgres, or
          an earlier line decides. Put this line first: local all postgres peer map=postgres''
      )
      (needs
        (
          !(local && engine == "postgresql" && config.services.postgresql.enable)
          || db.user != null
          || isMapped
        )
        ''
          ${option name}: services.postgresql.identMap, as another module forces it, does not let the
          dump in as postgres. Add this line: postgres dump-database postgres''
      )
      (needs (
        db.format == null || engine == "postgresql"
      ) "${option name}.format: only dumps of PostgreSQL have a format. Remove it.")
      (needs (
        db.sessions == null && db.largeTable == null || engine == "postgresql"
      ) "${option name}: only dumps of PostgreSQL have `sessions` and `largeTable`. Remove them.")
      (needs (!leavesOut || hasTables) ''
        ${option name}: only tables of PostgreSQL, MySQL and MariaDB can be left out. Remove
        `excludeTables` and `excludeRows`.'')
      (needs (!leavesOut || !hasTables || source.namesDatabase db) ''
        ${option name}: `excludeTables` and `excludeRows` concern one database. Name it in the source,
        and in services.dumpDatabase.exclude, so that the dump of the whole server leaves it out.'')
      (needs (
        db.passwordFile == null || source.isServer db
      ) "${option name}.passwordFile: only a server asks for a password. Remove it.")
    ];

  # A file is one, whether it is written as a path or as a URL.
  sourceOf = db: if source.engine db == "sqlite" then source.file db else db.source;
  sources = lib.groupBy (name: sourceOf databases.${name}) (
    lib.filter (name: databases.${name}.source != null) (lib.attrNames databases)
  );
  twice = lib.filterAttrs (_: names: lib.length names > 1) sources;
in
{
  config = lib.mkIf cfg.enable {
    assertions = [
      (beginsByItself "services.dumpDatabase.timerConfig" cfg.timerConfig)
      (beginsByItself "services.dumpDatabase.drill.timerConfig" cfg.drill.timerConfig)
      (beginsByItself "services.dumpDatabase.survey.timerConfig" cfg.survey.timerConfig)
      {
        assertion = databases != { } || cfg.drills != { };
        message = ''
          services.dumpDatabase: there is nothing to dump. Name a database, for example
          services.dumpDatabase.databases.notes = { source = "sqlite:/srv/notes/notes.db"; user = "notes"; };
          or enable a service that has one, with services.dumpDatabase.discover = true.'';
      }
      {
        assertion = !(isVolatile cfg.directory);
        message = ''
          services.dumpDatabase.directory: the dumps cannot live in ${cfg.directory}, where the units
          see nothing and files may not last. Use a directory such as /var/lib/dump-database
          or one on a separate disk, such as /mnt/backup/dumps.'';
      }
      {
        assertion = interval == null || longest == null || longest < interval;
        message = ''
          services.dumpDatabase.roundTimeout (${cfg.roundTimeout}) must be below the time between
          two rounds, timerConfig.OnUnitActiveSec (${toString cfg.timerConfig.OnUnitActiveSec or ""}).'';
      }
    ]
    ++ map (names: {
      assertion = false;
      message = ''
        services.dumpDatabase.databases: ${lib.concatStringsSep " and " names} have the same source.
        Remove one of them, or disable the one that was discovered: ${option (lib.head names)}.enable = false.'';
    }) (lib.attrValues twice)
    ++ lib.concatLists (lib.mapAttrsToList assertionsOf databases)
    ++ import ./copy-assertions.nix {
      inherit
        beginsByItself
        cfg
        databases
        isUnder
        isVolatile
        lib
        ;
    };
  };
}
