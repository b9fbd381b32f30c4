# The worst day: one command restores the database of a service, whose user may be a dynamic one.
{
  name = "restore";

  nodes.machine =
    { pkgs, ... }:
    {
      environment.systemPackages = [ pkgs.sqlite ];
      services.postgresql.enable = true;
      systemd.services.keeper = {
        path = [ pkgs.sqlite ];
        serviceConfig = {
          DynamicUser = true;
          StateDirectory = "keeper";
          ExecStart = "${pkgs.runtimeShell} -c 'sqlite3 %S/keeper/keeper.db \"PRAGMA busy_timeout = 9000; PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS t (x); INSERT INTO t VALUES (1)\"; exec sleep infinity'";
        };
      };
      services.dumpDatabase.databases = {
        keeper = {
          source = "sqlite:/var/lib/keeper/keeper.db";
          service = "keeper";
          optional = true;
        };
        ledger.command = [ "true" ];
      };
    };

  testScript = builtins.readFile ./restore.py;
}
