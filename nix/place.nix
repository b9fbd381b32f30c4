# Where a database's dumps go: below /var/lib by systemd's StateDirectory=, or elsewhere.
{
  config,
  lib,
  pkgs,
}:
let
  cfg = config.services.dumpDatabase;
  state = "/var/lib/dump-database";
  elsewhere = cfg.directory != state;
  target = name: "${cfg.directory}/${name}";
  quote = path: lib.replaceStrings [ "%" ] [ "%%" ] (builtins.toJSON path);

  # The file systems of this configuration that the directory lies on, but for the root.
  mountPoints = lib.filter (
    mountPoint: mountPoint != "/" && lib.hasPrefix "${mountPoint}/" "${cfg.directory}/"
  ) (map (fileSystem: fileSystem.mountPoint) (lib.attrValues config.fileSystems));

  # systemd owns the directory of a dynamic user and wants it below /var/lib/private.
  private = name: "/var/lib/private/dump-database/${name}";
in
{
  leafOf = name: who: if elsewhere && !who.dynamic then target name else "${state}/${name}";

  unitConfig =
    name: who:
    lib.mkIf elsewhere {
      RequiresMountsFor = if who.dynamic then private name else cfg.directory;
      AssertPathIsMountPoint = mountPoints;
    };

  serviceConfig =
    name: who:
    if elsewhere && !who.dynamic then
      {
        # Made here and not by tmpfiles, which would make it in an empty mount point at boot.
        ExecStartPre = lib.concatStringsSep " " (
          [
            "+${pkgs.coreutils}/bin/install"
            "--directory"
            "--mode=0700"
            "--owner=${who.user}"
          ]
          ++ lib.optional (who.group != null) "--group=${who.group}"
          ++ [ (quote (target name)) ]
        );
        ReadWritePaths = [ (quote "-${target name}") ];
      }
    else
      {
        StateDirectory = who.stateDirectory;
        StateDirectoryMode = who.stateDirectoryMode;
      };

  # The directory asked for, mounted where systemd wants that of a dynamic user.
  mounts =
    name: who:
    lib.optional (elsewhere && who.dynamic) {
      what = target name;
      where = private name;
      type = "none";
      options = "bind";
      unitConfig.RequiresMountsFor = cfg.directory;
    };
}
