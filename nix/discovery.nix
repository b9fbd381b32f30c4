# The databases this machine's configuration declares, as entries of services.dumpDatabase.databases.
# Their names depend on `services` alone: what depends on `systemd.services` is looked up later.
{
  config,
  lib,
  options,
  pkgs,
  ...
}:
let
  inherit (lib) mkDefault mkIf mkMerge;
  inherit (config) services;
  cfg = services.dumpDatabase;
  active = cfg.enable && cfg.discover;

  # What nixpkgs removed or renamed throws when it is looked at, or warns; its option is not visible.
  isPresent = name: options.services.${name}.visible or true != false;
  succeeds = value: (builtins.tryEval value).success;
  isEnabled =
    name:
    let
      enabled =
        services ? ${name}.instances
        || lib.any (path: lib.attrByPath path false (services.${name} or { })) [
          [ "enable" ]
          [
            "server"
            "enable"
          ]
          [
            "server"
            "management"
            "enable"
          ]
          [
            "hub"
            "enable"
          ]
        ];
    in
    isPresent name && succeeds enabled && enabled;

  rows = lib.filterAttrs (name: _: isEnabled name) (import ./sqlite-services { inherit config lib; });
  filesOf =
    name: files:
    let
      found = lib.mapAttrs (
        _: found:
        {
          nixos = name;
          service = name;
          user = null;
          stoppedServices = null;
          doubt = null;
        }
        // (if lib.isAttrs found then found else { file = found; })
      ) (files services.${name});
    in
    # A setting of the service may be gone as well.
    if succeeds (builtins.deepSeq found found) then found else null;
  filesByService = lib.mapAttrs filesOf rows;
  entries = lib.concatMapAttrs (_: found: if found == null then { } else found) filesByService;

  found = lib.filterAttrs (name: _: !(lib.elem name cfg.exclude)) entries;

  isGiven =
    name:
    lib.any (
      definition:
      toString definition.file != toString ./discovery.nix && definition.value ? ${name}.source
    ) options.services.dumpDatabase.databases.definitionsWithLocations;
  # Where the database lies is a secret, which is not known here.
  doubtful = lib.filterAttrs (
    name: entry: entry.doubt != null && cfg.databases.${name}.enable or false && !(isGiven name)
  ) found;

  isSettled = name: lib.elem name cfg.exclude || cfg.databases ? ${name};
  unreadable = lib.filterAttrs (name: found: found == null && !(isSettled name)) filesByService;
  uncovered = lib.filterAttrs (name: _: isEnabled name && !(isSettled name)) (
    import ./uncovered-services.nix
  );

  socketDirectory = lib.head (
    lib.splitString "," (services.postgresql.settings.unix_socket_directories or "/run/postgresql")
  );
  scheme =
    if lib.getName services.mysql.package == lib.getName pkgs.mariadb then "mariadb" else "mysql";
  socket = services.mysql.settings.mysqld.socket or "/run/mysqld/mysqld.sock";

  # Each is a separate unit, which names the user (nixos/modules/services/databases/redis.nix).
  redis = lib.mapAttrs' (
    name: server: lib.nameValuePair (if name == "" then "redis" else "redis-${name}") server
  ) (lib.filterAttrs (_: server: server.enable) (services.redis.servers or { }));
  redisFound = lib.filterAttrs (name: _: !(lib.elem name cfg.exclude)) redis;
  # Its password is in the Nix store, from where no unit gets it.
  redisClosed = lib.filterAttrs (
    name: server: server.requirePass != null && !(cfg.databases ? ${name} && isGiven name)
  ) redisFound;
in
{
  services.dumpDatabase.databases = mkIf active (mkMerge [
    (lib.mapAttrs (_: entry: {
      source = mkDefault "sqlite:${entry.file}";
      service = mkDefault entry.service;
      user = mkDefault entry.user;
      stoppedServices = mkDefault entry.stoppedServices;
      optional = mkDefault true;
    }) found)
    (mkIf (services.postgresql.enable && !(lib.elem "postgresql" cfg.exclude)) {
      postgresql.source = mkDefault "postgresql://postgres@/?host=${socketDirectory}&port=${toString services.postgresql.settings.port}";
    })
    (lib.mapAttrs (name: server: {
      source = mkDefault (
        if server.unixSocket != null then
          "redis+unix://${server.unixSocket}"
        else
          "redis://localhost:${toString server.port}"
      );
      service = mkDefault name;
      passwordFile = mkDefault server.requirePassFile;
    }) redisFound)
    (mkIf (services.mysql.enable && !(lib.elem "mysql" cfg.exclude)) {
      mysql.source = mkDefault "${scheme}://dump-database@localhost/?socket=${socket}";
    })
  ]);

  warnings = mkIf active (
    lib.mapAttrsToList (name: entry: ''
      services.dumpDatabase: services.${entry.nixos}.${entry.doubt} may name another database than
      ${entry.file}, which is what is dumped. Say which it is, and this warning is gone:
      services.dumpDatabase.databases.${name}.source = "sqlite:${entry.file}";'') doubtful
    ++ lib.mapAttrsToList (name: _: ''
      services.dumpDatabase: services.${name} has no longer the settings that say where its database
      is, so it is not dumped. Name the database in services.dumpDatabase.databases.${name}.source, or
      leave it out, and this warning is gone: services.dumpDatabase.exclude = [ "${name}" ];'') unreadable
    ++ lib.mapAttrsToList (name: _: ''
      services.dumpDatabase: services.redis.servers has a password for ${name} in the Nix store
      (requirePass), which the dump does not get. Use requirePassFile, and this warning is gone, or
      leave the server out: services.dumpDatabase.exclude = [ "${name}" ];'') redisClosed
    ++ lib.mapAttrsToList (name: what: ''
      services.dumpDatabase: services.${name} is enabled, whose data is not dumped: ${what}. Dump it with
      a program in services.dumpDatabase.databases.${name}.command (an SQLite file by its `source`), or
      leave it out, and this warning is gone: services.dumpDatabase.exclude = [ "${name}" ];'') uncovered
  );
}
