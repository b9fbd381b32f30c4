# A Redis server of nixpkgs: found, dumped, drilled, and restored while it runs.
{
  name = "redis";

  nodes.machine =
    { pkgs, ... }:
    {
      environment.systemPackages = [ pkgs.redis ];
      services.redis.servers.shop.enable = true;
      services.dumpDatabase.drill.enable = true;
    };

  testScript = builtins.readFile ./redis.py;
}
