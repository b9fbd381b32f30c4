# A password reaches the server, and nothing else. Who dumps no local server sees no socket of one.
{
  name = "secrets";

  nodes.machine = {
    services.postgresql.enable = true;
    services.dumpDatabase = {
      discover = false;
      databases = {
        shop = {
          source = "postgresql://clerk@127.0.0.1/shop";
          passwordFile = "/run/secrets/shop";
        };
        nosy.command = [
          "ls"
          "/run/postgresql"
        ];
      };
    };
  };

  testScript = builtins.readFile ./secrets.py;
}
