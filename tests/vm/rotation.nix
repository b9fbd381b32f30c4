# The timer alone makes dumps, of which the five newest stay.
{
  name = "rotation";

  nodes.machine =
    { pkgs, ... }:
    {
      environment.systemPackages = [ pkgs.sqlite ];
      services.dumpDatabase = {
        databases.notes = {
          source = "sqlite:/srv/notes/notes.db";
          user = "dump-database";
          optional = true;
        };
        timerConfig = {
          OnBootSec = "1s";
          OnUnitActiveSec = "2s";
          AccuracySec = "1s";
        };
        roundTimeout = "1s";
      };
    };

  testScript = builtins.readFile ./rotation.py;
}
