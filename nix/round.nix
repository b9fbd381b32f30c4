# The units of the common round, which starts the dumps and then judges them, and the timers.
{
  config,
  lib,
  pkgs,
  utils,
  databases,
  unitName,
}:
let
  cfg = config.services.dumpDatabase;
  source = import ./source.nix lib;
  account = import ./account.nix { inherit config lib; };
  place = import ./place.nix { inherit config lib pkgs; };
  timer = import ./timer.nix;

  members = lib.filterAttrs (_: db: db.timerConfig == null) databases;
  units = map (name: "${unitName name}.service") (lib.attrNames members);
  isAwaited = _: db: db.optional && source.engine db == "sqlite";
  leafOf = name: db: place.leafOf name (account name db);
  required = lib.filterAttrs (name: db: !isAwaited name db) members;
  awaited = lib.filterAttrs isAwaited members;
in
{
  services.dump-database = lib.mkIf (members != { }) {
    description = "Dump of every database of this machine";
    documentation = [ "man:dump-database(1)" ];
    # Wanted, not required: one that fails does not hold the others. What became of each is read
    # from its dumps, because systemd calls the result of a unit that never ran a success.
    wants = units;
    after = units;
    inherit (cfg) onFailure;
    restartIfChanged = false;
    # A member that hangs must not hold the round, or nothing is dumped and nothing reported.
    unitConfig.JobTimeoutSec = cfg.roundTimeout;
    serviceConfig = lib.mapAttrs (_: lib.mkDefault) (
      import ./sandbox.nix
      // import ./reader.nix
      // {
        ProtectHome =
          if lib.any (db: source.isHome (source.file db)) (lib.attrValues awaited) then "read-only" else true;
        ExecStart = utils.escapeSystemdExecArgs (
          [
            pkgs.runtimeShell
            "${./status.sh}"
            (lib.getExe cfg.package)
            cfg.maxAge
          ]
          ++ lib.mapAttrsToList leafOf required
          ++ lib.concatLists (
            lib.mapAttrsToList (name: db: [
              "--"
              (source.file db)
              (leafOf name db)
            ]) awaited
          )
        );
      }
    );
  };

  timers =
    lib.optionalAttrs (members != { }) {
      dump-database = timer cfg.timerConfig // {
        description = "Dumps of every database of this machine, again and again";
      };
    }
    // lib.mapAttrs' (
      name: db:
      lib.nameValuePair (unitName name) (
        timer db.timerConfig // { description = "Dumps of the database ${name}, again and again"; }
      )
    ) (lib.filterAttrs (_: db: db.timerConfig != null) databases);
}
