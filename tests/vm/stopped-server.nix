# A server that an administrator stopped stays stopped.
{
  name = "stopped-server";

  nodes.machine = {
    services.postgresql.enable = true;
  };

  testScript = builtins.readFile ./stopped-server.py;
}
