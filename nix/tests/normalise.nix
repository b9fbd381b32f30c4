# A unit's text with names for store paths and without what is NixOS' alone.
lib:
let
  # What differs between versions of NixOS and means nothing elsewhere.
  isForeign =
    line:
    lib.any (prefix: lib.hasPrefix prefix line) [
      "Environment=\"LOCALE_ARCHIVE="
      "Environment=\"TZDIR="
      "X-"
      # Of a unit that something wants: that is a link on NixOS.
      "[Install]"
      "WantedBy="
    ];

  # /nix/store/HASH-NAME-VERSION becomes @NAME@, whatever the packages are built with.
  packageName =
    path: lib.removeSuffix "-interactive" (lib.removeSuffix "-and-plugins" (lib.getName path));
  nameStorePaths =
    text:
    lib.concatMapStrings (
      part: if lib.isList part then "@${packageName (lib.elemAt part 0)}@" else part
    ) (builtins.split "${builtins.storeDir}/[a-z0-9]{32}-([A-Za-z0-9+._?=-]+)" text);

  # One programs' directory a package: the others of NixOS are none of a dump's business.
  shortenPath =
    line:
    if lib.hasPrefix "Environment=\"PATH=" line then
      "Environment=\"PATH=${lib.concatStringsSep ":" (lib.filter (lib.hasSuffix "/bin") (lib.splitString ":" (lib.removeSuffix "\"" (lib.removePrefix "Environment=\"PATH=" line))))}\""
    else
      line;
in
text:
lib.concatMapStrings (line: "${line}\n") (
  lib.filter (line: line != "" && !(isForeign line)) (
    map shortenPath (lib.splitString "\n" (nameStorePaths (builtins.unsafeDiscardStringContext text)))
  )
)
