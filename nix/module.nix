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
    account = import ./account.nix parts;
    place = import ./place.nix parts;
    look = import ./look.nix parts;
    unit = import ./unit.nix parts;
    round = import ./round.nix parts;
    drill = import ./drill.nix parts;
    metrics = import ./metrics.nix parts;
  };
  inherit (parts)
    account
    databases
    place
    round
    source
    ;

  # Whether some database is reached over the socket of a server of this machine.
  usesLocal =
    engine:
    lib.any (db: source.engine db == engine && source.host db == null) (lib.attrValues databases);
in
{
  imports = [
    ./options.nix
    ./discovery.nix
    ./assertions.nix
  ];

  config = mkIf cfg.enable (mkMerge [
    { systemd = parts.drill; }
    parts.metrics
    {
      systemd = {
        services = mkMerge [
          (lib.mapAttrs' (name: db: lib.nameValuePair (parts.unitName name) (parts.unit name db)) databases)
          round.services
          place.services
        ];
        inherit (round) timers;
        mounts = lib.concatLists (
          lib.mapAttrsToList (name: db: place.mounts name (account name db)) databases
        );
      };

      environment.systemPackages = [ cfg.package ];

      users.users.dump-database = {
        isSystemUser = true;
        group = "dump-database";
        description = "Dumps of databases";
      };
      users.groups.dump-database = { };

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
