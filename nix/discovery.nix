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
  isEnabled = name: (services.${name}.enable or false) || services ? ${name}.instances;

  entries = lib.concatMapAttrs (
    name: files:
    lib.optionalAttrs (isEnabled name) (
      lib.mapAttrs (
        _: found:
        {
          nixos = name;
          service = name;
          doubt = null;
        }
        // (if lib.isAttrs found then found else { file = found; })
      ) (files services.${name})
    )
  ) (import ./sqlite-services.nix { inherit config lib; });

  found = lib.filterAttrs (name: _: !(lib.elem name cfg.exclude)) entries;

  # What may change the engine behind this table's back.
  doubtOf = entry: if entry.doubt != null then entry.doubt else environmentOf entry.nixos;
  environmentOf =
    name:
    lib.findFirst
      (
        option:
        !(lib.elem (services.${name}.${option} or null) [
          null
          [ ]
          "/dev/null"
        ])
      )
      null
      [
        "environmentFile"
        "environmentFiles"
        "credentialsFile"
      ];
  isGiven =
    name:
    lib.any (
      definition:
      toString definition.file != toString ./discovery.nix && definition.value ? ${name}.source
    ) options.services.dumpDatabase.databases.definitionsWithLocations;
  doubtful = lib.filterAttrs (
    name: entry: doubtOf entry != null && cfg.databases.${name}.enable && !(isGiven name)
  ) found;

  socketDirectory = lib.head (
    lib.splitString "," (services.postgresql.settings.unix_socket_directories or "/run/postgresql")
  );
  scheme =
    if lib.getName services.mysql.package == lib.getName pkgs.mariadb then "mariadb" else "mysql";
  socket = services.mysql.settings.mysqld.socket or "/run/mysqld/mysqld.sock";
in
{
  services.dumpDatabase.databases = mkIf active (mkMerge [
    (lib.mapAttrs (_: entry: {
      source = mkDefault "sqlite:${entry.file}";
      service = mkDefault entry.service;
      optional = mkDefault true;
    }) found)
    (mkIf (services.postgresql.enable && !(lib.elem "postgresql" cfg.exclude)) {
      postgresql.source = mkDefault "postgresql://postgres@/?host=${socketDirectory}&port=${toString services.postgresql.settings.port}";
    })
    (mkIf (services.mysql.enable && !(lib.elem "mysql" cfg.exclude)) {
      mysql.source = mkDefault "${scheme}://dump-database@localhost/?socket=${socket}";
    })
  ]);

  warnings = mkIf active (
    lib.mapAttrsToList (name: entry: ''
      services.dumpDatabase: services.${entry.nixos}.${doubtOf entry} may name another
      database than ${entry.file}, which is what is dumped. If it does not, say so:
      services.dumpDatabase.databases.${name}.source = "sqlite:${entry.file}"; if it does, name that
      database there instead.'') doubtful
  );
}
