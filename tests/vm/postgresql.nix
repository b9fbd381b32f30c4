# Every database of a PostgreSQL server, found, dumped as the superuser, and restored.
{
  name = "postgresql";

  nodes.machine = {
    services.postgresql.enable = true;
  };

  testScript = builtins.readFile ./postgresql.py;
}
