# Copies in a directory, in an object store, encrypted and drilled from there, and on an SSH server. What
# copies sees no database.
{
  name = "copies";

  nodes.machine =
    { pkgs, ... }:
    {
      virtualisation.memorySize = 2048;
      environment.systemPackages = [
        pkgs.curl
        pkgs.openssh
        pkgs.sqlite
      ];
      environment.etc.copies.source = ./copies;

      systemd.services.keeper = {
        path = [ pkgs.sqlite ];
        serviceConfig = {
          DynamicUser = true;
          StateDirectory = "keeper";
          ExecStart = "${pkgs.runtimeShell} -c 'sqlite3 %S/keeper/keeper.db \"CREATE TABLE IF NOT EXISTS t (x); INSERT INTO t VALUES (1)\"; exec sleep infinity'";
        };
      };
      systemd.services.keeper-store.serviceConfig = {
        StateDirectory = "keeper-store";
        WorkingDirectory = "%S/keeper-store";
        ExecStart = "${pkgs.seaweedfs}/bin/weed server -dir=. -ip=127.0.0.1 -ip.bind=127.0.0.1 -filer -s3 -s3.config=/etc/copies/store.json -s3.port=8333 -s3.port.iceberg=0 -s3.port.lance=0 -master.volumeSizeLimitMB=64 -volume.max=100";
      };

      systemd.services.keeper-ssh.serviceConfig = {
        RuntimeDirectory = "sshd";
        ExecStart = "${pkgs.openssh}/bin/sshd -D -e -f /etc/copies/sshd_config";
      };
      users.users.sshd = {
        isSystemUser = true;
        group = "sshd";
      };
      users.groups.sshd = { };
      users.users.vault = {
        isNormalUser = true;
        hashedPassword = "*";
      };

      services.dumpDatabase = {
        databases = {
          notes = {
            source = "sqlite:/srv/notes/notes.db";
            user = "dump-database";
          };
          keeper = {
            source = "sqlite:/var/lib/keeper/keeper.db";
            service = "keeper";
            optional = true;
          };
        };
        copies = {
          disk = {
            to = "/mnt/copies";
            host = "web";
            keep = 2;
          };
          store = {
            to = "s3://backup/prod";
            host = "web";
            environment.AWS_ENDPOINT_URL = "http://127.0.0.1:8333";
            environment.AWS_REGION = "here";
            storeConfigFile = "/run/secrets/store";
            recipients = [ "age14t5mf3wu3e0zjmu0xzeu8gjfey2hv7k5s5ynedd9tnf6rv5yza6qj4ccqj" ];
          };
        };
        copies.ssh = {
          to = "sftp://vault@127.0.0.1:2022/srv/vault/prod";
          host = "web";
          sshKeyFile = "/run/secrets/ssh-key";
        };
        drills.store = {
          from = "s3://backup/prod";
          environment.AWS_ENDPOINT_URL = "http://127.0.0.1:8333";
          environment.AWS_REGION = "here";
          storeConfigFile = "/run/secrets/store";
          identityFile = "/run/secrets/key";
          path = [ ];
        };
      };
    };

  testScript = builtins.readFile ./copies.py;
}
