# A database that hangs beside one that does not.
{
  name = "hang";

  nodes.machine =
    { pkgs, ... }:
    {
      environment.systemPackages = [ pkgs.sqlite ];
      services.dumpDatabase = {
        databases = {
          good = {
            source = "sqlite:/srv/good/good.db";
            user = "dump-database";
          };
          locked = {
            source = "sqlite:/srv/locked/locked.db";
            user = "dump-database";
            extraArgs = [
              "--busy-timeout"
              "30m"
            ];
          };
        };
        timerConfig = {
          OnBootSec = "1s";
          OnUnitActiveSec = "8s";
          AccuracySec = "1s";
        };
        roundTimeout = "4s";
      };
    };

  testScript = builtins.readFile ./hang.py;
}
