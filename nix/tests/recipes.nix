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
    # The first instance.
    config.services.postgresql.enable = true;
    # Of a flake of its own.
    options.environment.persistence = anything;
  };
  is = expected: expr: { inherit expr expected; };
in
{
  testCount = is 11 (lib.length recipes);
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
  # The dumps, and the key by which a machine knows its copies.
  testPersistence = is true (
    lib.all (directory: lib.elem directory config.environment.persistence."/persist".directories) [
      "/var/lib/dump-database"
      "/var/lib/dump-database-copies"
    ]
  );
  testLeftOut =
    let
      says =
        unit: lib.hasInfix ''"--exclude" "wiki"'' config.systemd.services.${unit}.serviceConfig.ExecStart;
    in
    is
      [
        true
        true
      ]
      [
        (lib.hasInfix ''"--exclude-rows" "log_*"'' config.systemd.services.dump-database-wiki.serviceConfig.ExecStart)
        (says "dump-database-postgresql")
      ];
  testCopies = is [ true true ] (
    map (unit: config.systemd.services ? ${unit}) [
      "dump-database-copy-box"
      "dump-database-drill-copies-prod"
    ]
  );
  testNoAssertion = is [ ] (
    lib.filter (lib.hasInfix "services.dumpDatabase") (
      map (a: a.message) (lib.filter (a: !a.assertion) config.assertions)
    )
  );
  testInstance = is "dump-database" config.systemd.services.dump-database-postgresql-two.serviceConfig.User;
}
