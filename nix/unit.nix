# The oneshot of one database: its command line, its account, its sandbox.
{
  config,
  lib,
  pkgs,
  utils,
  source,
  account,
  directories,
  sockets,
  ...
}:
let
  inherit (lib) mkIf optional optionals;
  cfg = config.services.dumpDatabase;
  sandbox = import ./sandbox.nix;

  inherit (import ./escape.nix { inherit lib; }) escapeSpecifiers quotePath;
  inherit (import ./flags.nix lib) option repeated retention;

  # Only `*` keeps its meaning for the shell.
  quoteGlob = glob: lib.concatMapStringsSep "*" lib.escapeShellArg (lib.splitString "*" glob);

  commandLine =
    name: db: leaf:
    let
      engine = source.engine db;
      # A setting of this database, else of all.
      setting = key: if db.${key} != null then db.${key} else cfg.${key};
      named =
        lib.elem engine [
          "command"
          "redis"
        ]
        || engine == "sqlite" && !source.isGlob db;
      flags = [
        (lib.getExe cfg.package)
        "dump"
        "--to"
        leaf
      ]
      ++ optionals named [
        "--name"
        name
      ]
      ++ retention db
      ++ option "--compress" cfg.compression
      ++ option "--timeout" db.timeout
      ++ option "--format" db.format
      ++ optionals (engine == "postgresql") (
        option "--sessions" (setting "sessions") ++ option "--large-table" (setting "largeTable")
      )
      ++ repeated "--exclude-table" db.excludeTables
      ++ repeated "--exclude-rows" db.excludeRows
      ++ optional db.skipUnchanged "--skip-unchanged"
      ++ optionals (source.isServer db) (repeated "--exclude" cfg.exclude)
      ++ db.extraArgs;
      password = optional (db.passwordFile != null) ''"--password-file" "%d/password"'';
      escape = utils.escapeSystemdExecArgs;
    in
    lib.concatStringsSep " " (
      if source.isGlob db then
        [
          (escape (
            [
              "${pkgs.runtimeShell}"
              "-c"
              ''exec "$@" ${quoteGlob (source.file db)}''
              "sh"
            ]
            ++ flags
          ))
        ]
      else
        [ (escape flags) ]
        ++ password
        ++ [ (escape (if engine == "command" then [ "--" ] ++ db.command else [ db.source ])) ]
    );

  clients =
    db:
    {
      postgresql = [
        (if config.services.postgresql.enable then config.services.postgresql.package else pkgs.postgresql)
      ];
      mysql = [
        (if config.services.mysql.enable then config.services.mysql.package else pkgs.mariadb.client)
      ];
      redis = [ config.services.redis.package ];
    }
    .${toString (source.engine db)} or [ ];

  # The unit that must already run for the dump to make sense. It is never started from here:
  # an administrator who stopped a server had a reason.
  localServer =
    db:
    let
      host = source.host db;
      local = source.isServer db && (host == null || source.isLoopback host);
    in
    optional (
      local && source.engine db == "postgresql" && config.services.postgresql.enable
    ) "postgresql.target"
    ++ optional (local && source.engine db == "mysql" && config.services.mysql.enable) "mysql.service"
    ++ optional (local && source.engine db == "redis" && db.service != null) "${db.service}.service";

  network =
    db:
    let
      host = if source.isServer db then source.host db else null;
    in
    mkIf (host != null) (
      {
        PrivateNetwork = false;
        RestrictAddressFamilies = [
          "AF_UNIX"
          "AF_INET"
          "AF_INET6"
        ];
      }
      // (
        if source.isLoopback host then
          { IPAddressAllow = "localhost"; }
        else if source.isAddress host then
          { IPAddressAllow = host; }
        else
          { IPAddressDeny = ""; }
      )
    );

  fileAccess =
    db:
    let
      file = source.file db;
    in
    mkIf (source.engine db == "sqlite") {
      # For the -shm beside the file. On a fresh machine the directory is not there yet.
      ReadWritePaths = [ (quotePath "-${dirOf file}") ];
      ProtectHome = if source.isHome file then "read-only" else true;
    };

  untilItExists =
    db: leaf:
    mkIf (db.optional && source.engine db == "sqlite") {
      ConditionPathExists = optional (!source.isGlob db) "|${escapeSpecifiers (source.file db)}";
      ConditionPathExistsGlob =
        optional (source.isGlob db) "|${escapeSpecifiers (source.file db)}"
        # A dump; what is not one is hidden.
        ++ [ "|${escapeSpecifiers leaf}/*" ];
    };
in
name: db:
let
  who = account name db;
  leaf = directories.leafOf name who;
  servers = localServer db;
in
{
  description = "Dump of the database ${escapeSpecifiers name}";
  documentation = [ "man:dump-database(1)" ];
  requisite = servers;
  after = lib.unique (servers ++ optional (db.service != null) "${db.service}.service");
  inherit (cfg) onFailure;
  restartIfChanged = false;
  path = clients db ++ db.path;

  unitConfig = lib.mkMerge [
    (untilItExists db leaf)
    (directories.unitConfig name who)
  ];

  serviceConfig = lib.mkMerge [
    (lib.mapAttrs (_: lib.mkDefault) (
      sandbox
      // {
        # Threads that compress wait for a free CPU and become ordinary ones again when there is none.
        LimitNICE = "+${toString sandbox.Nice}";
        SystemCallFilter = sandbox.SystemCallFilter ++ [ "sched_setscheduler" ];
      }
    ))
    {
      ExecStart = commandLine name db leaf;
      TimeoutStartSec = "${db.timeout} 1min";
      User = who.user;
      Group = mkIf (who.group != null) who.group;
      DynamicUser = mkIf who.dynamic true;
      InaccessiblePaths = sockets.hiddenFrom db;
      LoadCredential = mkIf (db.passwordFile != null) [ "password:${db.passwordFile}" ];
      EnvironmentFile = mkIf (db.environmentFile != null) db.environmentFile;
    }
    (directories.serviceConfig name who)
    (fileAccess db)
    (network db)
  ];
}
