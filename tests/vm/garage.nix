# Copies in Garage, the object store of nixpkgs. NixOS alone has it, so this one does not run on Debian.
{
  name = "garage";

  nodes.machine =
    { pkgs, ... }:
    {
      # Garage needs a free gigabyte.
      virtualisation.diskSize = 4096;
      virtualisation.memorySize = 2048;
      environment.systemPackages = [ pkgs.sqlite ];

      services.garage = {
        enable = true;
        package = pkgs.garage;
        settings = {
          replication_factor = 1;
          rpc_bind_addr = "127.0.0.1:3901";
          rpc_public_addr = "127.0.0.1:3901";
          rpc_secret = "5c1915fa04d0b6739675c61bf5907eb0fe3d9c69850c83820f51b4d25d13868c";
          s3_api = {
            s3_region = "garage";
            api_bind_addr = "127.0.0.1:3900";
            root_domain = ".s3.garage";
          };
        };
      };

      services.dumpDatabase =
        let
          reached = {
            environment.AWS_ENDPOINT_URL = "http://127.0.0.1:3900";
            environment.AWS_REGION = "garage";
            storeConfigFile = "/run/secrets/store";
          };
        in
        {
          databases.notes = {
            source = "sqlite:/srv/notes/notes.db";
            user = "dump-database";
          };
          copies.store = reached // {
            to = "s3://backup/prod";
            host = "web";
            keep = 2;
            readBack = true;
            recipients = [ "age14t5mf3wu3e0zjmu0xzeu8gjfey2hv7k5s5ynedd9tnf6rv5yza6qj4ccqj" ];
          };
          drills.store = reached // {
            from = "s3://backup/prod";
            identityFile = "/etc/copies-key";
            path = [ ];
          };
        };
      environment.etc.copies-key.source = ./copies/key;
    };

  testScript = builtins.readFile ./garage.py;
}
