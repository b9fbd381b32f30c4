{
  lib,
  stdenv,
  rustPlatform,
  installShellFiles,
  isa-l,
}:
let
  inherit (lib) fileset;
  cargo = lib.importTOML ../Cargo.toml;
  hasIsal = lib.meta.availableOn stdenv.hostPlatform isa-l;
in
rustPlatform.buildRustPackage {
  pname = cargo.package.name;
  inherit (cargo.package) version;

  # What the program is made of, so that editing a text or a test builds nothing again.
  src = fileset.toSource {
    root = ../.;
    fileset = fileset.unions [
      ../Cargo.toml
      ../Cargo.lock
      ../src
      (fileset.maybeMissing ../.cargo)
    ];
  };
  cargoLock.lockFile = ../Cargo.lock;
  buildFeatures = lib.optional hasIsal "isal";

  # Cargo reads nothing in the tests and benchmarks that Cargo.toml names, but wants them to exist.
  postPatch = lib.concatMapStrings (target: ''
    mkdir -p ${dirOf target.path}
    touch ${target.path}
  '') (cargo.test ++ cargo.bench);

  nativeBuildInputs = [ installShellFiles ];
  buildInputs = lib.optional hasIsal isa-l;
  # ./tested.nix runs them.
  doCheck = false;
  # The profile of tests/all.
  checkType = "debug";

  postInstall = lib.optionalString (stdenv.buildPlatform == stdenv.hostPlatform) ''
    installShellCompletion --cmd dump-database \
      --bash <($out/bin/dump-database completions bash) \
      --fish <($out/bin/dump-database completions fish) \
      --zsh <($out/bin/dump-database completions zsh)
    $out/bin/dump-database man > dump-database.1
    installManPage dump-database.1
  '';

  meta = {
    inherit (cargo.package) description;
    # Placeholders; see CONTRIBUTING.md.
    homepage = "https://github.com/OWNER/dump-database";
    maintainers = [ ];
    license = lib.licenses.mit;
    mainProgram = "dump-database";
    platforms = lib.platforms.unix;
  };
}
