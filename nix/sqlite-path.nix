# The path that a setting of a service means: relative ones are below its working directory.
lib:
let
  inherit (lib) hasPrefix removePrefix;
in
rec {
  below =
    directory: path: if hasPrefix "/" path then path else "${directory}/${removePrefix "./" path}";

  # An SQLite URL of sqlx's or Go's kind: two slashes, then the path as it is.
  inUrl =
    directory: url:
    let
      bare = lib.head (lib.splitString "?" url);
      path = removePrefix "//" (removePrefix "file:" (removePrefix "sqlite:" bare));
    in
    below directory (lib.replaceStrings [ "//" ] [ "/" ] path);

  # One of SQLAlchemy's: three slashes before a relative path, four before an absolute one.
  inSqlalchemyUrl =
    directory: url:
    let
      bare = lib.head (lib.splitString "?" url);
    in
    below directory (lib.last (builtins.match "[a-z0-9+]+:(///)?(.*)" bare));
}
