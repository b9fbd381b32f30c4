# What Prometheus is told, of the databases of the round and of those with a separate timer.
{
  name = "metrics";

  nodes.machine =
    { pkgs, ... }:
    {
      environment.systemPackages = [ pkgs.sqlite ];
      services.dumpDatabase = {
        metrics.enable = true;
        databases = {
          notes = {
            source = "sqlite:/srv/notes/notes.db";
            user = "dump-database";
          };
          ledger = {
            command = [
              "echo"
              "balance"
            ];
            timerConfig.OnCalendar = "yearly";
          };
        };
      };
    };

  testScript = builtins.readFile ./metrics.py;
}
