# Where a database's dumps go: below /var/lib by systemd's StateDirectory=, or elsewhere.
{
  config,
  lib,
  pkgs,
  utils,
  ...
}:
let
  cfg = config.services.dumpDatabase;
  state = "/var/lib/dump-database";
  elsewhere = cfg.directory != state;
  target = name: "${cfg.directory}/${name}";
  inherit (import ./escape.nix { inherit lib; }) escapeSpecifiers quotePath;

  # What a unit needs that works in a directory: the file systems of this configuration that the directory
  # lies on, but for the root, are mounted.
  mountsOf = directory: {
    RequiresMountsFor = quotePath directory;
    AssertPathIsMountPoint = map escapeSpecifiers (
      lib.filter (mountPoint: mountPoint != "/" && lib.hasPrefix "${mountPoint}/" "${directory}/") (
        map (fileSystem: fileSystem.mountPoint) (lib.attrValues config.fileSystems)
      )
    );
  };
  unitConfig = mountsOf cfg.directory;
  install = "${pkgs.coreutils}/bin/install";
  make =
    mode: directory:
    utils.escapeSystemdExecArgs [
      install
      "--directory"
      "--mode=${mode}"
      directory
    ];
  closed = "${cfg.directory}/private";

  # systemd owns the directory of a dynamic user and wants it below /var/lib/private.
  private = name: "/var/lib/private/dump-database/${name}";
  leafOf = name: who: if elsewhere && !who.dynamic then target name else "${state}/${name}";
in
{
  inherit leafOf mountsOf;

  # The same without the symlink that systemd makes for a dynamic user.
  heldIn = name: who: if who.dynamic then private name else leafOf name who;

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
        ExecStartPre = utils.escapeSystemdExecArgs (
          [
            "+${install}"
            "--directory"
            "--mode=0700"
            "--owner=${who.user}"
          ]
          ++ lib.optional (who.group != null) "--group=${who.group}"
          ++ [ (target name) ]
        );
        ReadWritePaths = [ (quotePath "-${target name}") ];
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
      what = escapeSpecifiers "${closed}/${name}";
      where = private name;
      type = "none";
      options = "bind";
      requires = [ "dump-database-directory.service" ];
      after = [ "dump-database-directory.service" ];
      inherit unitConfig;
    };

  services.dump-database-directory = lib.mkIf elsewhere {
    description = "Directory for the dumps of dynamic users";
    inherit unitConfig;
    serviceConfig = {
      Type = "oneshot";
      ExecStart = [
        (make "0755" cfg.directory)
        (make "0700" closed)
      ];
    };
  };
}
