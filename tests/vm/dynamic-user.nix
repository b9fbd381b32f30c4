# The database of a service whose user exists only while it runs.
{
  name = "dynamic-user";

  nodes.machine =
    { pkgs, ... }:
    {
      systemd.services.keeper = {
        path = [ pkgs.sqlite ];
        serviceConfig = {
          DynamicUser = true;
          StateDirectory = "keeper";
          StateDirectoryMode = "0710";
          ExecStart = "${pkgs.runtimeShell} -c 'sqlite3 %S/keeper/keeper.db \"PRAGMA busy_timeout = 9000; PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS t (x); INSERT INTO t VALUES (1)\"; exec sleep infinity'";
        };
      };
      services.dumpDatabase = {
        drill.enable = true;
        databases.keeper = {
          source = "sqlite:/var/lib/keeper/keeper.db";
          service = "keeper";
          optional = true;
        };
      };
    };

  testScript = builtins.readFile ./dynamic-user.py;
}
