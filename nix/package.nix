{
  lib,
  stdenv,
  rustPlatform,
  installShellFiles,
  isa-l,
  libfaketime,
  pigz,
  python3,
  sqlite,
  strace,
  zstd,
}:
let
  inherit (lib) fileset;
  cargo = lib.importTOML ../Cargo.toml;
in
rustPlatform.buildRustPackage {
  pname = cargo.package.name;
  inherit (cargo.package) version;

  src = fileset.toSource {
    root = ../.;
    fileset = fileset.unions [
      ../Cargo.toml
      ../Cargo.lock
      ../src
      (fileset.maybeMissing ../.cargo)
      (fileset.maybeMissing ../README.md)
      (fileset.maybeMissing ../benches)
      (fileset.fileFilter (file: file.hasExt "rs") ../examples)
      (fileset.difference (fileset.maybeMissing ../tests) (
        fileset.unions [
          (fileset.maybeMissing ../tests/vm)
          (fileset.maybeMissing ../tests/systemd)
        ]
      ))
    ];
  };
  cargoLock.lockFile = ../Cargo.lock;
  buildFeatures = [ "isal" ];

  nativeBuildInputs = [ installShellFiles ];
  buildInputs = [ isa-l ];
  # The tests run the real peers, and count the program's system calls, which takes Linux.
  doCheck = stdenv.hostPlatform.isLinux;
  nativeCheckInputs = [
    libfaketime
    pigz
    python3
    sqlite
    strace
    zstd
  ];
  # They mount file systems, which a build may not.
  checkFlags = [ "--skip=filesystems::" ];

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
    license = lib.licenses.mit;
    mainProgram = "dump-database";
    platforms = lib.platforms.unix;
  };
}
