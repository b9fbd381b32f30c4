# The package with its test suite run, in the profile that tests/all uses. Building the package itself runs
# no test, so that switching a system takes a compiler's time and no more. tests/stores is no part of it,
# because it needs an object store and an SSH server.
{
  lib,
  dump-database,
  bashInteractive,
  fish,
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

  # Tests that a build cannot run, by a part of their name.
  impossible = [
    # They mount file systems, which a build may not.
    "dump::filesystems::"
    # They read pages, and look for files, that are no part of the build.
    "structure::every_guarantee_names_tests_that_exist"
    "structure::every_situation_of_the_page_on_reliability_names_a_test_that_exists"
    # They read pages that are no part of the build.
    "documentation::"
    # They look for the servers' programs where Debian has them.
    "earlier::mysql"
    "earlier::postgresql"
    "earlier::redis"
    "servers::documentation::"
    "servers::mysql::"
    "servers::postgresql::"
    "servers::recipes::"
    "servers::survey::"
    "servers::redis::"
    # It builds the program again.
    "sqlite::without_dbpage::"
  ];

  # Tests that measure time, which fail where the machine has other work. tests/all runs them.
  timed = import ./timed-tests.nix;
in
dump-database.overrideAttrs (old: {
  pname = "${old.pname}-tests";
  src = fileset.toSource {
    root = ../.;
    fileset = fileset.unions [
      ../Cargo.toml
      ../Cargo.lock
      ../src
      (fileset.maybeMissing ../.cargo)
      (fileset.fileFilter (file: file.hasExt "rs") ../examples)
      ../tests/attacks
      ../tests/integration
    ];
  };
  doCheck = true;
  cargoBuildType = "debug";
  # The tests run the real peers.
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
  checkFlags = [ "--include-ignored" ] ++ map (test: "--skip=${test}") (impossible ++ timed);
})
