# Whose the dumps are, and where.
{ lib, machine, ... }:
let
  # How the unit of the database NAME runs.
  runsAs = services: name: {
    expr =
      let
        unit = (machine { inherit services; }).systemd.services."dump-database-${name}";
      in
      {
        inherit (unit) after;
        inherit (unit.serviceConfig) StateDirectory StateDirectoryMode User;
        dynamic = unit.serviceConfig.DynamicUser or false;
      };
  };
in
{
  testStaticUser = runsAs { vaultwarden.enable = true; } "vaultwarden" // {
    expected = {
      after = [ "vaultwarden.service" ];
      StateDirectory = [ "dump-database/vaultwarden" ];
      StateDirectoryMode = "0700";
      User = "vaultwarden";
      dynamic = false;
    };
  };
  testDynamicUser =
    let
      config = machine { services.ntfy-sh.enable = true; };
      unit = config.systemd.services.dump-database-ntfy-sh-auth.serviceConfig;
      service = config.systemd.services.ntfy-sh.serviceConfig;
    in
    {
      expr = [
        unit.DynamicUser
        unit.User
        unit.StateDirectory
        unit.StateDirectoryMode
      ];
      expected = [
        true
        (service.User or "ntfy-sh")
        [
          "ntfy-sh"
          "dump-database/ntfy-sh-auth"
        ]
        (service.StateDirectoryMode or "0755")
      ];
    };

  testElsewhere =
    let
      config = machine {
        fileSystems."/mnt/backup".device = "/dev/sdb1";
        services.ntfy-sh.enable = true;
        services.dumpDatabase = {
          directory = "/mnt/backup/dumps";
          databases.notes = {
            source = "/srv/notes.db";
            user = "notes";
          };
        };
      };
      static = config.systemd.services.dump-database-notes;
      mounts = lib.filter (mount: lib.hasInfix "dump-database" mount.where) config.systemd.mounts;
    in
    {
      expr = {
        to = lib.hasInfix ''"--to" "/mnt/backup/dumps/notes"'' static.serviceConfig.ExecStart;
        writable = static.serviceConfig.ReadWritePaths;
        state = static.serviceConfig ? StateDirectory;
        needs = lib.removePrefix "\"" (lib.removeSuffix "\"" static.unitConfig.RequiresMountsFor);
        mounted = static.unitConfig.AssertPathIsMountPoint;
        dynamic = map (mount: [
          mount.what
          mount.where
        ]) mounts;
      };
      expected = {
        to = true;
        writable = [
          ''"-/mnt/backup/dumps/notes"''
          ''"-/srv"''
        ];
        state = false;
        needs = "/mnt/backup/dumps";
        mounted = [ "/mnt/backup" ];
        dynamic =
          map
            (name: [
              "/mnt/backup/dumps/private/${name}"
              "/var/lib/private/dump-database/${name}"
            ])
            [
              "ntfy-sh-auth"
              "ntfy-sh-cache"
            ];
      };
    };

  testDirectoryIsEscaped =
    let
      inherit
        ((machine {
          services.ntfy-sh.enable = true;
          services.dumpDatabase = {
            directory = "/mnt/my 50% $HOME";
            databases.notes = {
              source = "/srv/notes.db";
              user = "notes";
            };
          };
        }).systemd
        )
        mounts
        services
        ;
      notes = services.dump-database-notes;
      endsWith = lib.hasSuffix;
    in
    {
      expr = [
        (endsWith ''"--owner=notes" "/mnt/my 50%% $$HOME/notes"'' notes.serviceConfig.ExecStartPre)
        (map (endsWith ''/private"'') services.dump-database-directory.serviceConfig.ExecStart)
        (lib.head notes.serviceConfig.ReadWritePaths)
        notes.unitConfig.RequiresMountsFor
        (lib.head (lib.filter (mount: lib.hasInfix "ntfy-sh-auth" mount.where) mounts)).what
      ];
      expected = [
        true
        [
          false
          true
        ]
        ''"-/mnt/my 50%% $HOME/notes"''
        ''"/mnt/my 50%% $HOME"''
        "/mnt/my 50%% $HOME/private/ntfy-sh-auth"
      ];
    };
}
