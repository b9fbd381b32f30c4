# Each recipe of docs/nixos.md evaluates, together with all the others.
{
  lib,
  machine,
  pkgs,
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
    # Of a separate flake.
    options.environment.persistence = anything;
  };
  is = expected: expr: { inherit expr expected; };

  # Which of these texts a page lacks.
  lacking = page: lib.filter (text: !(lib.hasInfix text page));
  readme = builtins.readFile ../../README.md;
  page = builtins.readFile ../../docs/nixos.md;
  enable =
    (import ../options.nix {
      inherit lib pkgs;
      config = { };
    }).options.services.dumpDatabase.enable.description;
in
{
  testCount = is 11 (lib.length recipes);
  testSubjects = is [ ] (
    lacking page [
      "## Dumps to another machine with restic"
      "## Dumps to another machine with borg"
      "(impermanence)"
      "## Several PostgreSQL instances"
      "## Passwords from agenix or sops-nix"
      "## Restoring the database of a service with a dynamic user"
    ]
  );
  # What an administrator must know before he enables the module stands where it is enabled.
  testFirstLines = is [ ] (
    lacking (lib.concatStringsSep " " (lib.take 3 (lib.splitString "\n" enable))) [
      "every ten minutes"
      "five newest"
      "fifty minutes"
      "services.dumpDatabase.keepDaily` `= 7`"
    ]
  );
  testServers = is [ ] (
    lacking enable [
      "restarts the PostgreSQL and MySQL/MariaDB servers"
      "services.postgresql.identMap"
      "NixOS never removes such a"
      "DROP USER 'dump-database'@'localhost'"
    ]
  );
  testReadme = is [ ] (
    lacking readme [
      "\nservices.dumpDatabase.enable = true; # every ten minutes, the newest five dumps: fifty minutes of history\nservices.dumpDatabase.keepDaily = 7;"
      "inputs.dump-database.inputs.nixpkgs.follows = \"nixpkgs\";"
      "nix run . -- dump shop.db"
      "It does not find databases of\nother services or in containers"
    ]
  );
  testPage = is [ ] (
    lacking page [
      "inputs.dump-database.inputs.nixpkgs.follows = \"nixpkgs\";"
      "  enable = true; # five dumps, every ten minutes: fifty minutes of history\n  keepDaily = 7;"
      "(`containers`, `virtualisation.oci-containers`)"
    ]
  );
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
