# How a destination of copies is reached: options that copies and drills of them share.
{ lib }:
let
  inherit (lib) mkOption types;
  secret =
    example: description:
    mkOption {
      type = types.nullOr types.externalPath;
      default = null;
      inherit example description;
    };
in
{
  environment = mkOption {
    type = types.attrsOf types.str;
    default = { };
    example = {
      AWS_ENDPOINT_URL = "https://s3.example.org";
      AWS_REGION = "garage";
    };
    description = ''
      Settings of the store that are not secret, which the Nix store shows to every user. The address
      of the store here or in the URL decides what the unit reaches of this machine:
      `docs/nixos.md` has a table.
    '';
  };

  environmentFile = secret "/run/secrets/copies.env" ''
    A file of environment variables, such as `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, in the
    form of `EnvironmentFile=` in {manpage}`systemd.exec(5)`. Only root needs to read it.
  '';

  storeConfigFile = secret "/run/secrets/copies" ''
    A file of `KEY=VALUE` lines with settings of the store, secret ones too. Only root needs to read
    it: the unit gets it as a systemd credential. A setting in this file replaces the same setting in
    the environment.
  '';

  sshKeyFile = secret "/run/secrets/copies-ssh" ''
    The private key for an `sftp://` destination, which the unit gets as a systemd credential. Name
    the key of the server in {option}`programs.ssh.knownHosts`.
  '';
}
