{
  mkShell,
  dump-database,
  cargo,
  clippy,
  deadnix,
  nixfmt,
  rust-analyzer,
  rustfmt,
  statix,
}:
mkShell {
  inputsFrom = [ dump-database ];
  packages = [
    cargo
    clippy
    deadnix
    nixfmt
    rust-analyzer
    rustfmt
    statix
  ];
}
