# One destination whose copies are drilled: an entry of services.dumpDatabase.drills.
{ lib, pkgs }:
let
  inherit (lib) literalExpression mkOption types;
in
{
  options = {
    from = mkOption {
      type = types.str;
      example = "s3://backup/prod";
      description = ''
        The destination, in the form of {option}`services.dumpDatabase.copies.<name>.to`.
      '';
    };

    host = mkOption {
      type = types.nullOr types.str;
      default = null;
      example = "web";
      description = "The machine whose copies are drilled. The default is every machine.";
    };

    identityFile = mkOption {
      type = types.nullOr types.externalPath;
      default = null;
      example = "/run/secrets/age-key";
      description = ''
        The private key of age or SSH that encrypted copies are read with. Only root needs to read the
        file: the unit gets it as a systemd credential.
      '';
    };

    path = mkOption {
      type = types.listOf types.package;
      default = [
        pkgs.postgresql
        pkgs.mariadb
      ];
      defaultText = literalExpression "[ pkgs.postgresql pkgs.mariadb ]";
      example = literalExpression "[ pkgs.postgresql_18 ]";
      description = ''
        Packages of the servers that copies are restored into. They must not be older than the servers
        that were dumped.
      '';
    };

    timerConfig = import ./drill-timer-option.nix lib;

    timeout = mkOption {
      type = types.str;
      default = "1d";
      example = "6h";
      description = ''
        The time limit for the drill of all copies, in the form of {manpage}`systemd.time(7)`. The
        limit for the drill of each single copy is one hour.
      '';
    };
  }
  // import ./destination-options.nix { inherit lib; };
}
