# How little of the machine each unit can reach, as systemd scores it.
{
  name = "security";

  nodes.machine = {
    services.postgresql.enable = true;
    services.dumpDatabase = {
      drill.enable = true;
      metrics.enable = true;
      ping.urlFile = "/run/secrets/ping";
      copies = {
        disk.to = "/mnt/copies";
        away.to = "s3://backup/prod";
      };
      drills.away.from = "s3://backup/prod";
      databases = {
        file = {
          source = "sqlite:/srv/notes/notes.db";
          user = "dump-database";
        };
        program.command = [ "true" ];
        address.source = "postgresql://dumper@192.0.2.1/shop";
        named.source = "postgresql://dumper@db.example.org/shop";
      };
    };
  };

  testScript = builtins.readFile ./security.py;
}
