# What the round judges by: the dumps, not what systemd says of the units that make them.
{
  name = "round";

  nodes.machine =
    { pkgs, ... }:
    {
      environment.systemPackages = [ pkgs.sqlite ];
      services.dumpDatabase.databases = {
        notes = {
          source = "sqlite:/srv/notes/notes.db";
          user = "dump-database";
        };
        unborn = {
          source = "sqlite:/srv/unborn/unborn.db";
          user = "dump-database";
          optional = true;
        };
      };
    };

  testScript = builtins.readFile ./round.py;
}
