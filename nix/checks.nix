# nix flake check: the package and its tests, the demo, the module's evaluation, its options page, the VM tests,
# and the formatting of all Nix files.
{
  self,
  nixpkgs,
  pkgs,
}:
let
  inherit (nixpkgs) lib;
  inherit (pkgs.stdenv.hostPlatform) system;

  # What every machine of the tests has in common.
  common = {
    imports = [
      self.nixosModules.default
      ./tests/older-nixpkgs.nix
    ];
    services.dumpDatabase.enable = true;
    # The default of nixos-26.05, said again for other versions.
    services.postgresql.authentication = "local all postgres peer map=postgres";
  };

  machine =
    module:
    (lib.nixosSystem {
      inherit system;
      modules = [
        common
        { system.stateVersion = "26.05"; }
        module
      ];
    }).config;

  evaluation =
    name:
    let
      failures = lib.runTests (import (./tests + "/${name}.nix") { inherit lib machine pkgs; });
    in
    if failures == [ ] then
      pkgs.runCommand "module-${name}" { } "touch $out"
    else
      throw "module-${name}: ${lib.generators.toPretty { } failures}";

  vmTests = lib.mapAttrs' (
    file: _:
    lib.nameValuePair "vm-${lib.removeSuffix ".nix" file}" (
      pkgs.testers.runNixOSTest {
        imports = [ (../tests/vm + "/${file}") ];
        defaults = common;
        globalTimeout = lib.mkDefault 900;
      }
    )
  ) (lib.filterAttrs (file: _: lib.hasSuffix ".nix" file) (builtins.readDir ../tests/vm));

  optionsPage = import ./options-page.nix { inherit lib pkgs; };
in
vmTests
// {
  package = self.packages.${system}.default;
  tests = pkgs.callPackage ./tested.nix { dump-database = self.packages.${system}.default; };

  demo = pkgs.runCommand "demo" { nativeBuildInputs = [ self.packages.${system}.demo ]; } ''
    dump-database-demo
    touch $out
  '';

  module-accounts = evaluation "accounts";
  module-options = evaluation "options";
  module-assertions = evaluation "assertions";
  module-copies = evaluation "copies";
  module-discovery = evaluation "discovery";
  module-discovery-warnings = evaluation "discovery-warnings";
  module-authentication = evaluation "authentication";
  package-evaluation = evaluation "package";
  module-directories = evaluation "directories";
  module-proof = evaluation "proof";
  recipes = evaluation "recipes";
  module-sqlite-services-a-c = evaluation "sqlite-services-a-c";
  module-sqlite-services-d-g = evaluation "sqlite-services-d-g";
  module-sqlite-services-h-l = evaluation "sqlite-services-h-l";
  module-sqlite-services-m-o = evaluation "sqlite-services-m-o";
  module-sqlite-services-p-r = evaluation "sqlite-services-p-r";
  module-sqlite-services-s-z = evaluation "sqlite-services-s-z";
  module-stopped-services = evaluation "stopped-services";
  module-no-sqlite-services = evaluation "no-sqlite-services";
  module-unit-text = evaluation "unit-text";

  units = import ./tests/units.nix { inherit lib pkgs vmTests; };

  # nixosOptionsDoc reads every description and refuses what it cannot; the page has all it found.
  options-page =
    pkgs.runCommand "options-page"
      {
        passthru = { inherit (optionsPage) text; };
        nativeBuildInputs = [ pkgs.jq ];
      }
      (
        if optionsPage.text == builtins.readFile ../docs/options.md then
          ''
            test -s ${optionsPage.optionsCommonMark}
            jq --raw-output 'keys[] | "## `\(.)`"' ${optionsPage.optionsJSON}/share/doc/nixos/options.json |
              sort > documented
            grep '^## ' ${../docs/options.md} | sort | diff - documented
            touch $out
          ''
        else
          throw "docs/options.md is not what the module says. Run: nix eval --raw .#checks.${system}.options-page.text > docs/options.md"
      );

  scripts = pkgs.runCommand "scripts" { nativeBuildInputs = [ pkgs.shellcheck ]; } ''
    shellcheck --shell=bash ${./ping.sh} ${./restore.sh} ${./status.sh} ${../packaging/restore.sh}
    touch $out
  '';

  formatting =
    pkgs.runCommand "formatting"
      {
        nativeBuildInputs = [
          pkgs.deadnix
          # The program of tests/all. nixfmt, which `nix fmt` runs, writes the same bytes.
          (pkgs.nixfmt-rs or pkgs.nixfmt)
          pkgs.statix
        ];
        files = lib.fileset.toSource {
          root = ../.;
          fileset = lib.fileset.fileFilter (file: file.hasExt "nix") ../.;
        };
      }
      ''
        find $files -name '*.nix' -exec nixfmt --check {} +
        statix check $files
        deadnix --fail $files
        touch $out
      '';
}
