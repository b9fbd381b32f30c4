# The units of copies, one for each destination. A unit sees the dumps, without a right to change them, and
# of all other files only programs and what the network takes: the right to read the dumps of every user
# would else be one to read every database file. It keeps the record of what it copied where `status` finds
# it.
{
  config,
  lib,
  pkgs,
  utils,
  databases,
  account,
  directories,
  reach,
  timer,
  ...
}:
let
  inherit (lib) optional optionals;
  cfg = config.services.dumpDatabase;
  inherit (import ./flags.nix lib) option repeated retention;
  inherit (import ./escape.nix { inherit lib; }) escapeSpecifiers quotePath;

  user = "dump-database-copy";
  record = "dump-database-copies";

  dumps = lib.mapAttrsToList (
    name: db:
    let
      who = account name db;
    in
    {
      held = directories.heldIn name who;
      leaf = directories.leafOf name who;
    }
  ) databases;
  roots = lib.unique (map ({ leaf, ... }: dirOf leaf) dumps);

  # What a program needs of the system to reach a host: its name, its certificate, its key.
  shown = map (path: "-${path}") [
    "/etc/group"
    "/etc/hosts"
    "/etc/nsswitch.conf"
    "/etc/passwd"
    "/etc/resolv.conf"
    "/etc/services"
    "/etc/ssh/ssh_config"
    "/etc/ssh/ssh_known_hosts"
    "/etc/ssl/certs/ca-certificates.crt"
  ];

  flags =
    copy:
    [
      (lib.getExe cfg.package)
      "copy"
      "--to"
      copy.to
      "--host"
      copy.host
      "--state"
      "/var/lib/${record}"
    ]
    ++ retention copy
    ++ option "--timeout" copy.timeout
    ++ option "--limit-rate" copy.limitRate
    ++ repeated "--recipient" copy.recipients
    ++ optional (!copy.rotate) "--no-rotate"
    ++ optional copy.readBack "--read-back"
    ++ optional copy.includeReplaced "--include-replaced"
    ++ copy.extraArgs;

  view = directory: {
    # systemd makes what is mounted into it.
    TemporaryFileSystem = [ "/:ro" ] ++ map (root: quotePath "${root}:ro") roots;
    # With "strict", systemd forgets what is mounted at the root, and shows all of it.
    ProtectSystem = false;
    MountAPIVFS = true;
    BindReadOnlyPaths = [
      builtins.storeDir
      "/run/systemd/notify"
    ]
    ++ optionals (directory == null) shown
    # A database that was never dumped has no directory.
    ++ map ({ held, leaf }: "${quotePath "-${held}"}:${quotePath leaf}") dumps;
    BindPaths = [ "/var/lib/${record}" ] ++ optional (directory != null) (quotePath directory);
  };

  unit =
    name: copy:
    let
      reached = reach copy.to copy;
      made = optional (reached.directory != null) "dump-database-destination-${name}.service";
    in
    lib.mkMerge [
      reached.unit
      {
        description = "Copies of all dumps in ${escapeSpecifiers copy.to}";
        documentation = [ "man:dump-database(1)" ];
        requires = made;
        after = made;
        inherit (cfg) onFailure;
        restartIfChanged = false;
        # A dump; what is not one is hidden.
        unitConfig.ConditionPathExistsGlob = map ({ leaf, ... }: "|${escapeSpecifiers leaf}/*") dumps;
        serviceConfig = lib.mkMerge [
          (lib.mapAttrs (_: lib.mkDefault) (import ./sandbox.nix))
          {
            ExecStart = lib.concatStringsSep " " (
              [ (utils.escapeSystemdExecArgs (flags copy)) ]
              ++ reached.arguments
              ++ [ (utils.escapeSystemdExecArgs roots) ]
            );
            User = user;
            StateDirectory = record;
            StateDirectoryMode = "0700";
            # Reads the dumps of other users, which a user namespace would not let it.
            AmbientCapabilities = "CAP_DAC_READ_SEARCH";
            CapabilityBoundingSet = "CAP_DAC_READ_SEARCH";
            PrivateUsers = false;
          }
          (view reached.directory)
        ];
      }
    ];

  # Makes a directory before a unit of copies is shown it.
  making = directory: {
    description = "Directory for the copies in ${escapeSpecifiers directory}";
    restartIfChanged = false;
    unitConfig = directories.mountsOf directory;
    serviceConfig = {
      Type = "oneshot";
      ExecStart = utils.escapeSystemdExecArgs [
        "${pkgs.coreutils}/bin/install"
        "--directory"
        "--mode=0700"
        "--owner=${user}"
        "--group=${user}"
        directory
      ];
    };
  };

  unitName = name: "dump-database-copy-${name}";
  targets = lib.filterAttrs (_: directory: directory != null) (
    lib.mapAttrs (_: copy: (reach copy.to copy).directory) cfg.copies
  );

  recording = optional (cfg.copies != { }) "--state=/var/lib/${record}";
  byAge = lib.groupBy (copy: copy.maxAge) (
    lib.filter (copy: copy.maxAge != null) (lib.attrValues cfg.copies)
  );
in
{
  # Flags of `status`: those that show copies, and those that judge them, a list for each greatest age.
  inherit recording;
  judging =
    if byAge == { } then
      [ recording ]
    else
      lib.mapAttrsToList (
        age: copies: recording ++ [ "--max-copy-age=${age}" ] ++ map (copy: "--copied-to=${copy.to}") copies
      ) byAge;

  services =
    lib.mapAttrs' (name: copy: lib.nameValuePair (unitName name) (unit name copy)) cfg.copies
    // lib.mapAttrs' (
      name: directory: lib.nameValuePair "dump-database-destination-${name}" (making directory)
    ) targets;
  timers = lib.mapAttrs' (
    name: copy:
    lib.nameValuePair (unitName name) (
      timer.unit "Copies of all dumps in ${escapeSpecifiers copy.to}, again and again" copy.timerConfig
    )
  ) cfg.copies;
  users = lib.optionalAttrs (cfg.copies != { }) {
    ${user} = "Copies of dumps of databases";
  };
}
