# The units of the machines of the VM tests, with names for store paths, as tests/systemd/units
# keeps them for the same tests on Debian.
{
  lib,
  pkgs,
  vmTests,
}:
let
  # What differs between versions of NixOS and means nothing elsewhere.
  isForeign =
    line:
    lib.any (prefix: lib.hasPrefix prefix line) [
      "Environment=\"LOCALE_ARCHIVE="
      "Environment=\"TZDIR="
      "X-"
    ];

  # /nix/store/HASH-NAME-VERSION becomes @NAME@.
  nameStorePaths =
    text:
    lib.concatMapStrings (
      part: if lib.isList part then "@${lib.getName (lib.elemAt part 0)}@" else part
    ) (builtins.split "${builtins.storeDir}/[a-z0-9]{32}-([A-Za-z0-9+._?=-]+)" text);

  # One programs' directory a package: the others of NixOS are none of a dump's business.
  shortenPath =
    line:
    if lib.hasPrefix "Environment=\"PATH=" line then
      "Environment=\"PATH=${lib.concatStringsSep ":" (lib.filter (lib.hasSuffix "/bin") (lib.splitString ":" (lib.removeSuffix "\"" (lib.removePrefix "Environment=\"PATH=" line))))}\""
    else
      line;

  normalise =
    text:
    lib.concatMapStrings (line: "${line}\n") (
      lib.filter (line: line != "" && !(isForeign line)) (
        map shortenPath (lib.splitString "\n" (nameStorePaths (builtins.unsafeDiscardStringContext text)))
      )
    );

  isOurs =
    name: _:
    lib.any (prefix: lib.hasPrefix prefix name) [
      "dump-database"
      "keeper"
      "prepare-dump"
      "var-lib-private-dump"
    ];
  unitsOf =
    test:
    lib.mapAttrs (_: unit: normalise unit.text) (
      lib.filterAttrs isOurs test.nodes.machine.systemd.units
    );

  # The one that cannot be on Debian says so itself.
  shared = removeAttrs vmTests [ "vm-discovery" ];

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
