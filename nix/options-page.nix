# The module's options: as one page of Markdown, written here so that comparing it with
# docs/options.md takes an evaluation and nothing to build; and as nixosOptionsDoc has them.
{ lib, pkgs }:
let
  inherit
    (lib.evalModules {
      modules = [
        ./options.nix
        { _module.args.pkgs = pkgs; }
      ];
    })
    options
    ;

  documented = lib.filter (
    option: option.visible && !option.internal && lib.hasPrefix "services." option.name
  ) (lib.optionAttrSetToDocList options);

  # {option}`x` and the like are NixOS's own; the code span in them is everyone's.
  plain =
    text: lib.replaceStrings [ "{option}`" "{command}`" "{manpage}`" ] [ "`" "`" "`" ] (lib.trim text);

  value =
    title: given:
    lib.optionalString (given != null) (
      if lib.hasInfix "\n" given.text then
        "${title}:\n\n```nix\n${lib.trim given.text}\n```\n\n"
      else
        "${title}: `${given.text}`\n\n"
    );

  section =
    option:
    "## `${option.name}`\n\n${plain option.description}\n\nType: ${option.type}\n\n"
    + value "Default" (option.default or null)
    + value "Example" (option.example or null);
in
{
  text =
    "# Options of the NixOS module\n\n"
    + lib.removeSuffix "\n" (lib.concatMapStrings section documented);

  inherit (pkgs.nixosOptionsDoc { options = { inherit (options) services; }; })
    optionsCommonMark
    optionsJSON
    ;
}
