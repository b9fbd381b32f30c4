# The units of the common round, which starts the dumps and then judges them, and the timers.
{
  config,
  lib,
  databases,
  unitName,
  statusCommand,
  copy,
  ping,
  timer,
  ...
}:
let
  cfg = config.services.dumpDatabase;

  onSuccess = cfg.onSuccess ++ ping.onSuccess;
  members = lib.filterAttrs (_: db: db.timerConfig == null) databases;
  units = map (name: "${unitName name}.service") (lib.attrNames members);

  ageOf = db: if db.maxAge == null && db.timerConfig == null then cfg.maxAge else db.maxAge;
  judged = lib.filterAttrs (_: db: ageOf db != null) databases;
  byAge = lib.groupBy (name: ageOf judged.${name}) (lib.attrNames judged);
in
{
  services.dump-database = lib.mkIf (judged != { }) {
    description = "Dump of every database of this machine";
    documentation = [ "man:dump-database(1)" ];
    # Wanted, not required: one that fails does not hold the others. What became of each is read
    # from its dumps, because systemd calls the result of a unit that never ran a success.
    wants = units;
    after = units;
    onFailure = cfg.onFailure ++ ping.onFailure;
    restartIfChanged = false;
    # A member that hangs must not hold the round, or nothing is dumped and nothing reported.
    unitConfig = {
      JobTimeoutSec = cfg.roundTimeout;
      OnSuccess = lib.mkIf (onSuccess != [ ]) onSuccess;
    };
    serviceConfig = lib.mapAttrs (_: lib.mkDefault) (
      import ./sandbox.nix
      // statusCommand (
        lib.concatLists (
          lib.mapAttrsToList (
            age: names:
            map (flags: {
              flags = [ "--max-age=${age}" ] ++ flags;
              databases = lib.getAttrs names judged;
            }) copy.judging
          ) byAge
        )
      )
    );
  };

  timers =
    lib.optionalAttrs (judged != { }) {
      dump-database = timer.unit "Dumps of every database of this machine, again and again" cfg.timerConfig;
    }
    // lib.mapAttrs' (
      name: db:
      lib.nameValuePair (unitName name) (
        timer.unit "Dumps of the database ${name}, again and again" db.timerConfig
      )
    ) (lib.filterAttrs (_: db: db.timerConfig != null) databases);
}
