# The power fails in the middle of a dump. After it the timer goes on, one key of which was changed.
{
  name = "power-loss";

  nodes.machine =
    { pkgs, ... }:
    {
      virtualisation.diskSize = 4096;
      environment.systemPackages = [ pkgs.sqlite ];
      services.dumpDatabase = {
        timerConfig.OnUnitActiveSec = "30m";
        databases.notes = {
          source = "sqlite:/srv/notes/notes.db";
          user = "dump-database";
        };
      };
    };

  testScript = builtins.readFile ./power-loss.py;
}
