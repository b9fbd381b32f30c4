# A dump that version 0.1.0 made is listed, verified and restored by this one.
{
  name = "upgrade";

  nodes.machine =
    { pkgs, ... }:
    {
      environment.systemPackages = [ pkgs.sqlite ];
      environment.etc.upgrade.source = ./upgrade;
      services.dumpDatabase.databases.notes = {
        source = "sqlite:/srv/notes/notes.db";
        user = "dump-database";
      };
    };

  testScript = builtins.readFile ./upgrade.py;
}
