# Services of nixos-26.05 as options alone, for the evaluation in a tree of nixpkgs that is too old to have
# them. Nothing in a tree that has them.
{ lib, modulesPath, ... }:
let
  inherit (lib) mkOption types;
  has =
    file: text:
    let
      path = "${modulesPath}/services/${file}";
    in
    builtins.pathExists path && lib.hasInfix text (builtins.readFile path);

  # nixos/modules/services/databases/redis.nix
  redis =
    { config, lib, ... }:
    let
      unitOf = name: if name == "" then "redis" else "redis-${name}";
      nullable =
        default:
        mkOption {
          type = types.nullOr types.str;
          inherit default;
        };
      server =
        { name, ... }:
        {
          options = {
            enable = lib.mkEnableOption "a Redis server";
            port = mkOption {
              type = types.port;
              default = if name == "" then 6379 else 0;
            };
            requirePass = nullable null;
            requirePassFile = nullable null;
            unixSocket = nullable "/run/${unitOf name}/redis.sock";
          };
        };
    in
    {
      options.services.redis.servers = mkOption {
        type = types.attrsOf (types.submodule server);
        default = { };
      };
      config.systemd.services = lib.mapAttrs' (
        name: _:
        lib.nameValuePair (unitOf name) {
          serviceConfig = {
            User = unitOf name;
            Group = unitOf name;
          };
        }
      ) (lib.filterAttrs (_: server: server.enable) config.services.redis.servers);
    };

  # nixos/modules/services/web-servers/garage.nix
  garage.options.services.garage = mkOption {
    type = types.attrsOf types.anything;
    default = { };
  };
in
{
  imports =
    lib.optional (!has "databases/redis.nix" "servers") redis
    ++ lib.optional (!has "web-servers/garage.nix" "") garage;
}
