# Dumps on a file system of their own: never into its empty mount point, and as private as elsewhere.
{
  name = "directory";

  nodes.machine =
    { pkgs, ... }:
    let
      fileSystems."/mnt/backup" = {
        device = "none";
        fsType = "tmpfs";
        options = [ "noauto" ];
      };
    in
    {
      inherit fileSystems;
      virtualisation = { inherit fileSystems; };
      environment.systemPackages = [ pkgs.sqlite ];

      systemd.services.keeper = {
        path = [ pkgs.sqlite ];
        serviceConfig = {
          DynamicUser = true;
          StateDirectory = "keeper";
          ExecStart = "${pkgs.runtimeShell} -c 'sqlite3 %S/keeper/keeper.db \"CREATE TABLE t (x)\"; exec sleep infinity'";
        };
      };
      services.dumpDatabase = {
        directory = "/mnt/backup/my 50% $dumps";
        copies.disk = {
          to = "/mnt/my 50% $copies";
          host = "web";
        };
        drill.enable = true;
        databases = {
          notes = {
            source = "sqlite:/srv/notes/notes.db";
            user = "dump-database";
          };
          keeper = {
            source = "sqlite:/var/lib/keeper/keeper.db";
            service = "keeper";
          };
        };
      };
    };

  testScript = builtins.readFile ./directory.py;
}
