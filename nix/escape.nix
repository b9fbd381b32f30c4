# Text of the configuration in a unit of systemd.
{ lib }:
rec {
  # A % would begin a specifier.
  escapeSpecifiers = lib.replaceStrings [ "%" ] [ "%%" ];

  # One word of a space-separated list of paths.
  quotePath = path: escapeSpecifiers (builtins.toJSON path);
}
