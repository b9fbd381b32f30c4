# Who may read the dumps: the database's user, and nobody else.
{
  name = "modes";

  nodes.machine =
    { pkgs, ... }:
    {
      environment.systemPackages = [ pkgs.sqlite ];
      services.dumpDatabase.databases.notes = {
        source = "sqlite:/srv/notes/notes.db";
        user = "dump-database";
      };
    };

  testScript = builtins.readFile ./modes.py;
}
