# A database that fails beside one that does not.
{
  name = "failure";

  nodes.machine =
    { pkgs, ... }:
    {
      environment.systemPackages = [ pkgs.sqlite ];
      services.dumpDatabase = {
        databases = {
          good = {
            source = "sqlite:/srv/good/good.db";
            user = "dump-database";
          };
          broken = {
            source = "sqlite:/srv/broken/broken.db";
            user = "dump-database";
          };
        };
        onFailure = [ "alarm@%n.service" ];
      };
    };

  testScript = builtins.readFile ./failure.py;
}
