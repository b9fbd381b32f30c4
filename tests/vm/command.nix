# What a program prints is a dump, in the common round and by a separate timer.
{
  name = "command";

  nodes.machine =
    { pkgs, ... }:
    {
      environment.systemPackages = [ pkgs.sqlite ];
      services.dumpDatabase.databases = {
        ledger = {
          command = [
            "sqlite3"
            "/srv/ledger/ledger.db"
            ".dump"
          ];
          path = [ pkgs.sqlite ];
        };
        archive = {
          command = [
            "cat"
            "/srv/ledger/pipe"
          ];
          timerConfig.OnCalendar = "yearly";
          maxAge = "2d";
        };
      };
    };

  testScript = builtins.readFile ./command.py;
}
