# The blocks of docs/nixos.md, each as a module: a file of Nix that is nothing but the page's text.
{ lib }:
let
  page = builtins.readFile ../docs/nixos.md;
  blocks = lib.filter lib.isList (builtins.split "```nix\n([^`]*)```" page);
in
map (block: import (builtins.toFile "recipe.nix" "{ config, ... }: {\n${lib.head block}}\n")) blocks
