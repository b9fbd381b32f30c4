# `enable = true` and nothing else: three kinds of database, found and dumped.
# NixOS alone has the services that are found, so this one does not run on Debian.
{
  name = "discovery";

  nodes.machine =
    { pkgs, ... }:
    {
      virtualisation.memorySize = 2048;
      services = {
        postgresql.enable = true;
        mysql = {
          enable = true;
          package = pkgs.mariadb;
        };
        ntfy-sh = {
          enable = true;
          settings.base-url = "http://localhost";
        };
        forgejo.enable = true;
      };
    };

  testScript = builtins.readFile ./discovery.py;
}
