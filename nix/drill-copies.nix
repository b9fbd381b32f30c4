# The units that drill copies of other machines, and their timers.
{
  config,
  lib,
  pkgs,
  utils,
  reach,
  drillConfig,
  timer,
  ...
}:
let
  inherit (lib) optional;
  cfg = config.services.dumpDatabase;
  inherit (import ./flags.nix lib) option;
  inherit (import ./escape.nix { inherit lib; }) escapeSpecifiers;

  unitName = name: "dump-database-drill-copies-${name}";

  unit =
    name: drill:
    let
      reached = reach drill.from drill;
      cache = unitName name;
      scratch = "/var/cache/${cache}";
    in
    lib.mkMerge [
      reached.unit
      {
        description = "Drill of the copies in ${escapeSpecifiers drill.from}";
        documentation = [ "man:dump-database(1)" ];
        inherit (cfg) onFailure;
        restartIfChanged = false;
        path = drill.path ++ [ pkgs.inetutils ];
        # Where a copy is downloaded to.
        environment.TMPDIR = scratch;
        serviceConfig = lib.mkMerge [
          (drillConfig cache)
          {
            ExecStart = lib.concatStringsSep " " (
              [
                (utils.escapeSystemdExecArgs (
                  [
                    (lib.getExe cfg.package)
                    "drill"
                    "--scratch"
                    scratch
                  ]
                  ++ option "--host" drill.host
                ))
              ]
              ++ reached.arguments
              ++ optional (drill.identityFile != null) ''"--identity" "%d/identity"''
              ++ [ (utils.escapeSystemdExecArgs [ drill.from ]) ]
            );
            LoadCredential = optional (drill.identityFile != null) "identity:${drill.identityFile}";
            TimeoutStartSec = drill.timeout;
          }
        ];
      }
    ];
in
{
  services = lib.mapAttrs' (
    name: drill: lib.nameValuePair (unitName name) (unit name drill)
  ) cfg.drills;
  timers = lib.mapAttrs' (
    name: drill:
    lib.nameValuePair (unitName name) (
      timer.unit "Drills of the copies in ${escapeSpecifiers drill.from}, again and again" drill.timerConfig
    )
  ) cfg.drills;
}
