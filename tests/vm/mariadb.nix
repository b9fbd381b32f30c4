# Every database of a MariaDB server, found, dumped with least privilege, and restored.
{
  name = "mariadb";

  nodes.machine =
    { pkgs, ... }:
    {
      services.mysql = {
        enable = true;
        package = pkgs.mariadb;
      };
      services.dumpDatabase.drill.enable = true;
    };

  testScript = builtins.readFile ./mariadb.py;
}
