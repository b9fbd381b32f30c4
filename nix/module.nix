{
  config,
  lib,
  pkgs,
  utils,
  ...
}:
let
  inherit (lib) mkIf mkMerge;
  cfg = config.services.dumpDatabase;

  # The parts of the module, each made of those it names.
  parts = {
    inherit
      config
      lib
      pkgs
      utils
      ;
    databases = lib.filterAttrs (_: db: db.enable) cfg.databases;
    unitName = name: "dump-database-${name}";
    source = import ./source.nix lib;
    timer = import ./timer.nix lib;
    sockets = import ./sockets.nix parts;
    account = import ./account.nix parts;
    directories = import ./directories.nix parts;
    statusCommand = import ./status-command.nix parts;
    unit = import ./unit.nix parts;
    ping = import ./ping.nix parts;
    restore = import ./restore.nix parts;
    roundUnits = import ./round-units.nix parts;
    reach = import ./reach.nix parts;
    copy = import ./copy.nix parts;
    drillConfig = import ./drill-sandbox.nix parts;
    drill = import ./drill.nix parts;
    drillCopies = import ./drill-copies.nix parts;
    metrics = import ./metrics.nix parts;
    survey = import ./survey.nix parts;
  };
  inherit (parts)
    account
    databases
    directories
    roundUnits
    sockets
    source
    ;

  # Whether some database is reached over the socket of a server of this machine.
  usesLocal =
    engine: lib.any (db: source.engine db == engine && sockets.isLocal db) (lib.attrValues databases);

  users = {
    dump-database = "Dumps of the database servers of this machine";
    dump-database-guest = "Dumps of other database servers, and by programs";
    dump-database-status = "Looks at dumps of databases";
  }
  // parts.copy.users
  // parts.survey.users;
in
{
  imports = [
    ./options.nix
    ./discovery.nix
    ./assertions.nix
  ];

  config = mkIf cfg.enable (mkMerge [
    { systemd = parts.drill; }
    { systemd = parts.drillCopies; }
    { systemd = { inherit (parts.copy) services timers; }; }
    { systemd = { inherit (parts.survey) services timers; }; }
    parts.metrics
    {
      systemd = {
        services = mkMerge [
          (lib.mapAttrs' (name: db: lib.nameValuePair (parts.unitName name) (parts.unit name db)) databases)
          parts.restore.services
          roundUnits.services
          parts.ping.services
          directories.services
        ];
        inherit (roundUnits) timers;
        mounts = lib.concatLists (
          lib.mapAttrsToList (name: db: directories.mounts name (account name db)) databases
        );
      };

      environment.systemPackages = [
        cfg.package
        parts.restore.package
      ];
      environment.etc = parts.restore.etc;

      users.users = lib.mapAttrs (name: description: {
        isSystemUser = true;
        group = name;
        inherit description;
      }) users;
      users.groups = lib.mapAttrs (_: _: { }) users;

      # Only the superuser can dump everything there is.
      services.postgresql.identMap = mkIf (usesLocal "postgresql") ''
        postgres dump-database postgres
      '';
      services.mysql.ensureUsers = mkIf (usesLocal "mysql") [
        {
          name = "dump-database";
          ensurePermissions."*.*" = "SELECT, SHOW VIEW, TRIGGER, EVENT";
        }
      ];
    }
  ]);
}
