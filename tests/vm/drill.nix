# Every dump is restored into a throwaway database; one that verifies but does not restore is found.
{
  name = "drill";

  nodes.machine =
    { pkgs, ... }:
    {
      environment.systemPackages = [ pkgs.sqlite ];
      environment.etc.drill.source = ./drill;
      services.postgresql.enable = true;
      services.dumpDatabase = {
        drill.enable = true;
        databases = {
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
    };

  testScript = builtins.readFile ./drill.py;
}
