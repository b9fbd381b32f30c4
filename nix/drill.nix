# The units of the drill: each database's newest dump is restored into a throwaway one, and the timer
# that starts them all.
{
  config,
  lib,
  pkgs,
  utils,
  databases,
  source,
  account,
  directories,
  drillConfig,
  timer,
  ...
}:
let
  cfg = config.services.dumpDatabase;
  inherit (import ./escape.nix { inherit lib; }) escapeSpecifiers quotePath;

  # What a program printed only that program can restore.
  drilled = lib.filterAttrs (_: db: source.engine db != "command") databases;
  names = lib.attrNames drilled;
  units = map (name: "${unitName name}.service") names;
  unitName = name: "dump-database-drill-${name}";

  # A server is made for the drill: where this machine runs one, of its very packages.
  servers =
    db:
    {
      postgresql = [
        (
          if config.services.postgresql.enable then
            config.services.postgresql.finalPackage or config.services.postgresql.package
          else
            pkgs.postgresql
        )
      ];
      mysql = [
        (if config.services.mysql.enable then config.services.mysql.package else pkgs.mariadb)
        # mariadb-install-db asks for the host's name.
        pkgs.inetutils
      ];
      redis = [ config.services.redis.package ];
    }
    .${source.engine db} or [ ];

  unit =
    name: db:
    let
      who = account name db;
      leaf = directories.heldIn name who;
      cache = "dump-database-drill/${name}";
    in
    {
      description = "Drill of the dumps of the database ${escapeSpecifiers name}";
      documentation = [ "man:dump-database(1)" ];
      # One at a time: each takes the room and the memory of a whole database.
      after = lib.filter (other: other < "${unitName name}.service") units;
      inherit (cfg) onFailure;
      restartIfChanged = false;
      path = servers db ++ db.path;
      unitConfig = lib.mkMerge [
        (directories.unitConfig name who)
        # A dump; what is not one is hidden.
        { ConditionPathExistsGlob = "${escapeSpecifiers leaf}/*"; }
      ];
      serviceConfig = lib.mkMerge [
        (drillConfig cache)
        {
          ExecStart = utils.escapeSystemdExecArgs [
            (lib.getExe cfg.package)
            "drill"
            "--scratch"
            "/var/cache/${cache}"
            "--timeout"
            db.timeout
            leaf
          ];
          TimeoutStartSec = cfg.drill.timeout;
          # Records there how the drill ended.
          ReadWritePaths = [ (quotePath "-${leaf}") ];
        }
      ];
    };
in
lib.mkIf (cfg.drill.enable && drilled != { }) {
  services = {
    dump-database-drill = {
      description = "Drill of the dumps of every database of this machine";
      documentation = [ "man:dump-database(1)" ];
      wants = units;
      after = units;
      restartIfChanged = false;
      serviceConfig = lib.mapAttrs (_: lib.mkDefault) (
        import ./sandbox.nix
        // {
          DynamicUser = true;
          # Each drill reports for itself, and what became of it is part of the status.
          ExecStart = "${pkgs.coreutils}/bin/true";
        }
      );
    };
  }
  // lib.mapAttrs' (name: db: lib.nameValuePair (unitName name) (unit name db)) drilled;

  timers.dump-database-drill = timer.unit "Drills of every database of this machine, again and again" cfg.drill.timerConfig;
}
