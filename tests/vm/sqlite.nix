# An SQLite database comes back as it was.
{
  name = "sqlite";

  nodes.machine =
    { pkgs, ... }:
    {
      environment.systemPackages = [ pkgs.sqlite ];
      services.dumpDatabase.databases.shop = {
        source = "sqlite:/srv/shop/shop 50%H \${HOME}.db";
        user = "dump-database";
      };
    };

  testScript = builtins.readFile ./sqlite.py;
}
