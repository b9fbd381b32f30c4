# dump-database-restore, the units in which it restores, and what it knows of each database. A unit restores
# as the user of the dumps and sees what that user's dump sees; nothing starts it but the command.
{
  config,
  lib,
  pkgs,
  utils,
  databases,
  source,
  account,
  directories,
  sockets,
  unit,
  ...
}:
let
  cfg = config.services.dumpDatabase;
  inherit (lib) mkForce;
  inherit (import ./escape.nix { inherit lib; }) escapeSpecifiers;

  refusal =
    db:
    let
      engine = source.engine db;
    in
    if engine == "command" then
      "only the program that made its dumps can restore them"
    else if source.isGlob db then
      "it is several files; docs/restoring.md says how to restore one"
    else if
      engine == "sqlite"
      || engine == "postgresql" && sockets.isLocal db
      || engine == "redis" && (sockets.isLocal db || source.isLoopback (source.host db))
    then
      null
    else
      "docs/restoring.md says how to restore it";

  # The URL of a server around the name of a database.
  parts = db: builtins.match "([a-z]+://[^/?#]*)(/[^?#]*)?(.*)" db.source;

  # The services that use a database.
  usersOf =
    db:
    if db.stoppedServices != null then
      db.stoppedServices
    else
      lib.optional (db.service != null) db.service;

  facts =
    name: db:
    let
      refused = refusal db;
      engine = source.engine db;
    in
    lib.filterAttrs (_: value: value != null) (
      if refused != null then
        { inherit refused; }
      else
        {
          directory = directories.leafOf name (account name db);
          # A Redis server is restored while it runs.
          services =
            if engine == "redis" || usersOf db == [ ] then
              null
            else
              map (service: "${service}.service") (usersOf db);
        }
        // (
          if engine == "sqlite" then
            { target = source.file db; }
          else if engine == "redis" || source.namesDatabase db then
            { target = db.source; }
          else
            {
              prefix = "${lib.head (parts db)}/";
              suffix = lib.last (parts db);
            }
        )
    );

  restored = lib.filterAttrs (_: db: refusal db == null) databases;

  restoreUnit =
    name: db:
    lib.mkMerge [
      (unit name db)
      {
        description = mkForce "Restore of the database ${escapeSpecifiers name}";
        onFailure = mkForce [ ];
        unitConfig = {
          # What is restored may be gone.
          ConditionPathExists = mkForce [ ];
          ConditionPathExistsGlob = mkForce [ ];
        };
        serviceConfig = {
          ExecStart = mkForce "${
            utils.escapeSystemdExecArgs [
              (lib.getExe cfg.package)
              "restore"
              "--replace"
              "--to"
              (directories.leafOf name (account name db))
              "--compress"
              cfg.compression
              "--timeout"
              "1d"
            ]
          }${
            lib.optionalString (db.passwordFile != null) " \"--password-file\" \"%d/password\""
          } \${DUMP} \${TARGET}";
          EnvironmentFile = mkForce "/run/dump-database-restore-${name}";
          TimeoutStartSec = mkForce "infinity";
        };
      }
    ];
in
{
  services = lib.mapAttrs' (
    name: db: lib.nameValuePair "dump-database-restore-${name}" (restoreUnit name db)
  ) restored;

  etc."dump-database/restore.json".text = builtins.toJSON (lib.mapAttrs facts databases);

  package = pkgs.writeShellScriptBin "dump-database-restore" ''
    export PATH=${
      lib.makeBinPath [
        cfg.package
        pkgs.coreutils
        pkgs.jq
        config.systemd.package
      ]
    }
    . ${./restore.sh}
    . ${../packaging/restore.sh}
  '';
}
