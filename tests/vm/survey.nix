# A service without a row keeps an SQLite file: the daily survey finds it and names it.
{
  name = "survey";

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
          ExecStart = "${pkgs.runtimeShell} -c 'sqlite3 %S/keeper/keeper.db \"CREATE TABLE IF NOT EXISTS t (x)\"; exec sleep infinity'";
        };
      };
      services.dumpDatabase = {
        survey.ignore = [ "/srv/ignored/*" ];
        databases = {
          notes = {
            source = "sqlite:/srv/notes/notes.db";
            user = "dump-database";
          };
          # Of another age, so that a round has two tables of status.
          ledger = {
            source = "sqlite:/srv/ledger/ledger.db";
            user = "dump-database";
            maxAge = "2h";
          };
        };
      };
    };

  testScript = builtins.readFile ./survey.py;
}
