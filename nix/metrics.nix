# What the Prometheus node exporter reads, written again and again by a separate unit: not every
# database is part of the common round, and a drill is not either.
{
  config,
  lib,
  databases,
  statusCommand,
  copy,
  timer,
  ...
}:
let
  cfg = config.services.dumpDatabase;
  state = "dump-database-metrics";
in
lib.mkIf (cfg.metrics.enable && databases != { }) {
  systemd.services.dump-database-metrics = {
    description = "Metrics of the dumps of every database of this machine";
    documentation = [ "man:dump-database(1)" ];
    restartIfChanged = false;
    serviceConfig = lib.mapAttrs (_: lib.mkDefault) (
      import ./sandbox.nix
      // statusCommand [
        {
          flags = [ "--metrics=/var/lib/${state}/dump-database.prom" ] ++ copy.recording;
          inherit databases;
        }
      ]
      // {
        # That a database is not as it should be is for the round and for Prometheus to say.
        SuccessExitStatus = 1;
        StandardOutput = "null";
        LogLevelMax = "notice";
        StateDirectory = state;
        StateDirectoryMode = "0755";
        UMask = "0022";
      }
    );
  };

  systemd.timers.dump-database-metrics =
    timer.unit "Metrics of the dumps of every database of this machine, again and again"
      {
        OnBootSec = "1m";
        OnUnitActiveSec = "1m";
        # Prometheus reads them as often; systemd alone would be up to a minute late.
        AccuracySec = "5s";
      };

  # It takes the flag several times.
  services.prometheus.exporters.node.extraFlags = [
    "--collector.textfile.directory=/var/lib/${state}"
  ];
}
