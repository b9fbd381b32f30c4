# The package is built with ISA-L where that exists, and without it elsewhere.
{ lib, ... }:
let
  on =
    system:
    let
      platform = lib.systems.elaborate system;
      function = import ../package.nix;
      # What the package is made of, and nothing else.
      arguments = lib.mapAttrs (name: _: { pname = name; }) (lib.functionArgs function) // {
        inherit lib;
        stdenv = {
          buildPlatform = platform;
          hostPlatform = platform;
        };
        rustPlatform.buildRustPackage = lib.id;
        # As nixos-26.05 has it.
        isa-l = {
          pname = "isa-l";
          meta.platforms = lib.platforms.all;
          meta.badPlatforms = [ "aarch64-darwin" ];
        };
      };
      package = function arguments;
    in
    {
      features = package.buildFeatures;
      libraries = map lib.getName package.buildInputs;
      tested = package.doCheck;
    };
in
{
  # A test that was renamed would be run again.
  testTimedTestsExist = {
    expr = lib.filter (
      test:
      let
        parts = lib.splitString "::" test;
        file = ../../tests/integration + "/${lib.concatStringsSep "/" (lib.init parts)}.rs";
      in
      !(builtins.pathExists file && lib.hasInfix "fn ${lib.last parts}(" (builtins.readFile file))
    ) (import ../timed-tests.nix);
    expected = [ ];
  };
  testLinux = {
    expr = on "aarch64-linux";
    expected = {
      features = [ "isal" ];
      libraries = [ "isa-l" ];
      tested = false;
    };
  };
  testDarwin = {
    expr = on "aarch64-darwin";
    expected = {
      features = [ ];
      libraries = [ ];
      tested = false;
    };
  };
}
