# The units of the machines of the VM tests, with names for store paths, as tests/systemd/units
# keeps them for the same tests on Debian.
{
  lib,
  pkgs,
  vmTests,
}:
let
  normalise = import ./normalise.nix lib;

  isOurs =
    name: _:
    lib.any (prefix: lib.hasPrefix prefix name) [
      "dump-database"
      "keeper"
      "var-lib-private-dump"
    ];
  unitsOf =
    test:
    lib.mapAttrs (_: unit: normalise unit.text) (
      lib.filterAttrs isOurs test.nodes.machine.systemd.units
    )
    // {
      # What dump-database-restore knows.
      "restore.json" = test.nodes.machine.environment.etc."dump-database/restore.json".text;
    };

  # Those that cannot be on Debian say so themselves.
  shared = removeAttrs vmTests [
    "vm-discovery"
    "vm-garage"
  ];

  generated = lib.concatMapAttrs (
    name: test:
    lib.mapAttrs' (unit: text: lib.nameValuePair "${lib.removePrefix "vm-" name}/${unit}" text) (
      unitsOf test
    )
  ) shared;

  kept = lib.concatMapAttrs (
    test: _:
    lib.mapAttrs' (
      unit: _:
      lib.nameValuePair "${test}/${unit}" (
        builtins.readFile (../../tests/systemd/units + "/${test}/${unit}")
      )
    ) (builtins.readDir (../../tests/systemd/units + "/${test}"))
  ) (builtins.readDir ../../tests/systemd/units);

  changed = lib.filter (name: (generated.${name} or null) != (kept.${name} or null)) (
    lib.unique (lib.attrNames generated ++ lib.attrNames kept)
  );
in
pkgs.runCommand "units" { passthru.texts = generated; } (
  if changed == [ ] then
    "touch $out"
  else
    throw "tests/systemd/units is not what the module makes of ${lib.concatStringsSep ", " changed}. Run: tests/systemd/update-units"
)
