# How a unit reaches a destination of copies: the network that it takes, and credentials.
{
  config,
  lib,
  pkgs,
  directories,
  ...
}:
let
  inherit (lib) mkIf optional;
  destination = import ./destination.nix lib;
  inherit (import ./escape.nix { inherit lib; }) escapeSpecifiers;
in
# The text of the destination, and the options that ./destination-options.nix describes.
to: settings:
let
  directory = destination.directory to;
  isSftp = lib.hasPrefix "sftp:" to;
in
{
  inherit directory;

  # Arguments of dump-database, as they stand in a unit.
  arguments = optional (settings.storeConfigFile != null) ''"--store-config" "%d/store-config"'';

  unit = {
    wants = optional (directory == null) "network-online.target";
    after = optional (directory == null) "network-online.target";
    path = optional isSftp pkgs.openssh;
    environment = lib.mapAttrs (_: escapeSpecifiers) settings.environment // {
      SFTP_KEY_FILE = mkIf (settings.sshKeyFile != null) "%d/ssh-key";
    };
    unitConfig = mkIf (directory != null) (directories.mountsOf directory);
    serviceConfig = lib.mkMerge [
      {
        EnvironmentFile = mkIf (settings.environmentFile != null) settings.environmentFile;
        LoadCredential =
          optional (settings.storeConfigFile != null) "store-config:${settings.storeConfigFile}"
          ++ optional (settings.sshKeyFile != null) "ssh-key:${settings.sshKeyFile}";
      }
      (mkIf (directory == null) (destination.network config to settings.environment))
    ];
  };
}
