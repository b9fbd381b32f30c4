# Each recipe of docs/nixos.md evaluates, together with all the others.
{
  lib,
  machine,
  ...
}:
let
  recipes = import ../recipes.nix { inherit lib; };
  anything = lib.mkOption {
    type = lib.types.attrsOf lib.types.anything;
    default = { };
  };
  config = machine {
    imports = recipes;
    # Of a flake of its own.
    options.environment.persistence = anything;
  };
  is = expected: expr: { inherit expr expected; };
in
{
  testCount = is 7 (lib.length recipes);
  testHooks = is [
    "borgbackup-job-dumps.service"
    "dump-database-ping.service"
    "restic-backups-dumps.service"
  ] (lib.sort lib.lessThan config.systemd.services.dump-database.unitConfig.OnSuccess);
  testUnitsExist = is [ true true ] (
    map (unit: config.systemd.services ? ${unit}) [
      "restic-backups-dumps"
      "borgbackup-job-dumps"
    ]
  );
  testPersistence = is true (
    lib.elem "/var/lib/dump-database" config.environment.persistence."/persist".directories
  );
  testInstance = is "dump-database" config.systemd.services.dump-database-postgresql-two.serviceConfig.User;
}
