# What rows of services are made of.
lib:
let
  inherit (lib) hasPrefix removePrefix removeSuffix;
in
rec {
  when = lib.optionalAttrs;

  # The value of an option that nixpkgs has no longer: `service.dataDir or gone`. A missing attribute
  # would end the evaluation; what throws is found by the caller.
  gone = throw "the option is gone";

  # A setting may be null where it may be missing.
  orElse = default: value: if value == null then default else value;

  # The path that a setting means: a relative one is below the working directory of its service.
  below =
    directory: path:
    if hasPrefix "/" path then path else "${removeSuffix "/" directory}/${removePrefix "./" path}";

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

  # Whether a URL or the name of an engine is SQLite's.
  isSqlite = hasPrefix "sqlite";

  servarr =
    name: file: service:
    when (!(service ? settings.postgres)) { ${name} = below (service.dataDir or gone) file; };

  mautrix =
    name: directory: settings:
    let
      given = settings.database or settings.appservice.database or "";
      uri = if lib.isString given then given else given.uri or "";
      type = if lib.isString given then given else given.type or "";
    in
    when (isSqlite type) { ${name} = inUrl directory uri; };

  # The files of each enabled instance of a service; `files` is given its unit and its options.
  instances =
    name: files: service:
    lib.concatMapAttrs (
      instance: settings:
      let
        suffix = settings.name or instance;
        service = if suffix == "" then name else "${name}-${suffix}";
      in
      when (settings.enable or false) (
        lib.mapAttrs (_: file: { inherit file service; }) (files service settings)
      )
    ) (service.instances or gone);
}
