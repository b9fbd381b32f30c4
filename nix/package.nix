{
  lib,
  stdenv,
  rustPlatform,
  installShellFiles,
  bashInteractive,
  fish,
  isa-l,
  libfaketime,
  man-db,
  openssl,
  pigz,
  python3,
  sqlite,
  strace,
  util-linux,
  zsh,
  zstd,
}:
let
  inherit (lib) fileset;
  cargo = lib.importTOML ../Cargo.toml;
  hasIsal = lib.meta.availableOn stdenv.hostPlatform isa-l;
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
  buildFeatures = lib.optional hasIsal "isal";

  nativeBuildInputs = [ installShellFiles ];
  buildInputs = lib.optional hasIsal isa-l;
  # The tests run the real peers, and count the program's system calls, which takes Linux.
  doCheck = stdenv.hostPlatform.isLinux;
  nativeCheckInputs = [
    # Completions are tried in it; the one of the build has none.
    bashInteractive
    fish
    libfaketime
    man-db
    openssl
    pigz
    python3
    sqlite
    strace
    util-linux
    zsh
    zstd
  ];
  # What mounts file systems, which a build may not, and what looks for servers where Debian has them.
  checkFlags = map (tests: "--skip=${tests}::") [
    "filesystems"
    "servers::mysql"
    "servers::postgresql"
  ];

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
