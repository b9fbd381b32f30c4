# The command that looks at the dumps of databases: groups of them, each with its own flags. A
# database that may not exist yet counts once it does, or has dumps.
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
groups:
let
  leafOf = name: db: directories.leafOf name (account name db);
  isAwaited = _: db: db.optional && source.engine db == "sqlite";
  argumentsOf =
    { flags, databases }:
    flags
    ++ lib.mapAttrsToList leafOf (lib.filterAttrs (name: db: !isAwaited name db) databases)
    ++ lib.concatLists (
      lib.mapAttrsToList (name: db: [
        "--"
        (source.file db)
        (leafOf name db)
      ]) (lib.filterAttrs isAwaited databases)
    );
  awaited = lib.concatMap (group: lib.attrValues (lib.filterAttrs isAwaited group.databases)) groups;
in
{
  ExecStart = utils.escapeSystemdExecArgs (
    [
      pkgs.runtimeShell
      "${./status.sh}"
      (lib.getExe config.services.dumpDatabase.package)
    ]
    ++ lib.concatMap argumentsOf groups
  );

  User = "dump-database-status";
  # The records of unchanged databases belong to the users who dump them.
  Environment = lib.optional (lib.any (db: db.skipUnchanged) (
    lib.concatMap (group: lib.attrValues group.databases) groups
  )) "DUMP_DATABASE_TRUST_RECORDS=true";
  InaccessiblePaths = sockets.all;
  # Reads directories of other users, which a user namespace would not let it.
  AmbientCapabilities = "CAP_DAC_READ_SEARCH";
  CapabilityBoundingSet = "CAP_DAC_READ_SEARCH";
  PrivateUsers = false;
  ProtectHome = if lib.any (db: source.isHome (source.file db)) awaited then "read-only" else true;
}
