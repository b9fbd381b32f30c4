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

  unitConfig = {
    RequiresMountsFor = cfg.directory;
    AssertPathIsMountPoint = mountPoints;
  };
  install = "${pkgs.coreutils}/bin/install";
  closed = "${cfg.directory}/private";

  # systemd owns the directory of a dynamic user and wants it below /var/lib/private.
  private = name: "/var/lib/private/dump-database/${name}";
in
{
  leafOf = name: who: if elsewhere && !who.dynamic then target name else "${state}/${name}";

  unitConfig =
    name: who:
    lib.mkIf elsewhere (
      unitConfig // lib.optionalAttrs who.dynamic { RequiresMountsFor = private name; }
    );

  serviceConfig =
    name: who:
    if elsewhere && !who.dynamic then
      {
        # Made here and not by tmpfiles, which would make it in an empty mount point at boot.
        ExecStartPre = lib.concatStringsSep " " (
          [
            "+${install}"
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

  # The directory asked for, mounted where systemd wants that of a dynamic user. Its files belong to
  # "nobody" on the disk, so the directory above must be closed to everyone.
  mounts =
    name: who:
    lib.optional (elsewhere && who.dynamic) {
      what = "${closed}/${name}";
      where = private name;
      type = "none";
      options = "bind";
      requires = [ "prepare-dump-directory.service" ];
      after = [ "prepare-dump-directory.service" ];
      inherit unitConfig;
    };

  services.prepare-dump-directory = lib.mkIf elsewhere {
    description = "Directory for the dumps of dynamic users";
    inherit unitConfig;
    serviceConfig = {
      Type = "oneshot";
      ExecStart = [
        "${install} --directory --mode=0755 ${quote cfg.directory}"
        "${install} --directory --mode=0700 ${quote closed}"
      ];
    };
  };
}
