# The power fails in the middle of a dump.
{
  name = "power-loss";

  nodes.machine =
    { pkgs, ... }:
    {
      virtualisation.diskSize = 4096;
      environment.systemPackages = [ pkgs.sqlite ];
      services.dumpDatabase.databases.notes = {
        source = "sqlite:/srv/notes/notes.db";
        user = "dump-database";
      };
    };

  testScript = builtins.readFile ./power-loss.py;
}
