{
  description = "Dumps every database on a Linux machine, proves each dump, keeps the five newest";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      forAll = output: lib.genAttrs systems (system: output nixpkgs.legacyPackages.${system});
      package = pkgs: pkgs.callPackage ./nix/package.nix { };
    in
    {
      packages = forAll (pkgs: {
        default = package pkgs;
        demo = pkgs.callPackage ./nix/demo.nix { dump-database = package pkgs; };
      });
      overlays.default = final: _: { dump-database = package final; };
      nixosModules.default = ./nix/module.nix;
      checks = forAll (pkgs: import ./nix/checks.nix { inherit self nixpkgs pkgs; });
      devShells = forAll (pkgs: {
        default = pkgs.callPackage ./nix/shell.nix { dump-database = package pkgs; };
      });
      # It runs nixfmt, whose output the check compares.
      formatter = forAll (pkgs: pkgs.nixfmt-tree);
    };
}
