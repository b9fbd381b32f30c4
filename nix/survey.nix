# The unit that looks once a day for databases that nobody dumps, and its timer. It reads names, the first
# bytes of files and what processes listen on, and records what it found where `status` reads it.
{
  config,
  lib,
  utils,
  databases,
  source,
  sockets,
  timer,
  ...
}:
let
  cfg = config.services.dumpDatabase;
  inherit (import ./flags.nix lib) repeated;
  name = "dump-database-survey";
  active = cfg.survey.enable && databases != { };
in
{
  users = lib.optionalAttrs active {
    ${name} = "Looks for databases that nobody dumps";
  };

  services.${name} = lib.mkIf active {
    description = "Survey of the databases of this machine";
    documentation = [ "man:dump-database(1)" ];
    inherit (cfg) onFailure;
    restartIfChanged = false;
    serviceConfig = lib.mapAttrs (_: lib.mkDefault) (
      import ./sandbox.nix
      // {
        ExecStart = utils.escapeSystemdExecArgs (
          [
            (lib.getExe cfg.package)
            "survey"
            "--record"
            "/var/lib/${name}/survey.json"
            "--dumps"
            cfg.directory
            "--timeout"
            cfg.survey.timeout
          ]
          ++ repeated "--ignore" cfg.survey.ignore
          ++ [ "--" ]
          ++ cfg.survey.places
        );
        # That a database is not dumped is for the journal and for `status` to say.
        SuccessExitStatus = 1;
        TimeoutStartSec = "${cfg.survey.timeout} 1min";
        User = name;
        StateDirectory = name;
        StateDirectoryMode = "0700";
        # Enters the directories of other users, and sees which process has which socket.
        AmbientCapabilities = "CAP_DAC_READ_SEARCH CAP_SYS_PTRACE";
        CapabilityBoundingSet = "CAP_DAC_READ_SEARCH CAP_SYS_PTRACE";
        PrivateUsers = false;
        ProtectProc = "default";
        # The name of the machine.
        ProcSubset = "all";
        # Only here the sockets of this machine are listed. It can send nothing: IPAddressDeny=any.
        PrivateNetwork = false;
        InaccessiblePaths = sockets.all;
        ProtectHome =
          if lib.any (place: source.isHome "${place}/" || place == "/") cfg.survey.places then
            "read-only"
          else
            true;
      }
    );
  };

  timers.${name} = lib.mkIf active (
    timer.unit "Survey of the databases of this machine, again and again" cfg.survey.timerConfig
  );
}
