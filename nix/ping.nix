# A request to a URL after each round, for a service that calls when none comes: the URL itself after a
# good one, URL/fail after a failed one. The URL is a secret: no argument and no log has it.
{
  config,
  lib,
  pkgs,
  utils,
  sockets,
  ...
}:
let
  cfg = config.services.dumpDatabase;
  unit = description: arguments: {
    inherit description;
    after = [ "network-online.target" ];
    wants = [ "network-online.target" ];
    restartIfChanged = false;
    path = [ pkgs.curl ];
    serviceConfig = lib.mapAttrs (_: lib.mkDefault) (
      import ./sandbox.nix
      // {
        ExecStart = utils.escapeSystemdExecArgs (
          [
            pkgs.runtimeShell
            "${./ping.sh}"
          ]
          ++ arguments
        );
        DynamicUser = true;
        InaccessiblePaths =
          sockets.all
          ++ lib.unique [
            "-/var/lib/dump-database"
            "-${cfg.directory}"
          ];
        IPAddressDeny = "";
        LoadCredential = [ "url:${cfg.ping.urlFile}" ];
        PrivateNetwork = false;
        RestrictAddressFamilies = [
          "AF_UNIX"
          "AF_INET"
          "AF_INET6"
        ];
        TimeoutStartSec = "2min";
      }
    );
  };
  active = cfg.ping.urlFile != null;
in
{
  services = lib.mkIf active {
    dump-database-ping = unit "Ping after a good round of dumps" [ ];
    dump-database-ping-fail = unit "Ping after a failed round of dumps" [ "/fail" ];
  };
  onSuccess = lib.optional active "dump-database-ping.service";
  onFailure = lib.optional active "dump-database-ping-fail.service";
}
