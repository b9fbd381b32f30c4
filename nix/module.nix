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
  source = import ./source.nix lib;
  unit = import ./unit.nix {
    inherit
      config
      lib
      pkgs
      utils
      ;
  };
  account = import ./account.nix { inherit config lib; };
  place = import ./place.nix {
    inherit
      config
      lib
      pkgs
      utils
      ;
  };

  databases = lib.filterAttrs (_: db: db.enable) cfg.databases;
  common = {
    inherit
      config
      databases
      lib
      pkgs
      utils
      ;
  };
  unitName = name: "dump-database-${name}";
  round = import ./round.nix (common // { inherit unitName; });

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
    { systemd = import ./drill.nix common; }
    (import ./metrics.nix common)
    {
      systemd = {
        services = mkMerge [
          (lib.mapAttrs' (name: db: lib.nameValuePair (unitName name) (unit name db)) databases)
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
