# A file system that fills up costs no dump that is on it.
{
  name = "disk-full";

  nodes.machine =
    { pkgs, ... }:
    {
      environment.systemPackages = [ pkgs.sqlite ];
      services.dumpDatabase.databases.notes = {
        source = "sqlite:/srv/notes/notes.db";
        user = "dump-database";
      };
    };

  testScript = builtins.readFile ./disk-full.py;
}
