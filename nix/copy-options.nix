# One destination of copies: an entry of services.dumpDatabase.copies.
{
  cfg,
  config,
  lib,
}:
let
  inherit (lib) literalExpression mkOption types;
  mkBool =
    default: description:
    mkOption {
      type = types.bool;
      inherit default description;
      example = !default;
    };
in
{
  options = {
    to = mkOption {
      type = types.str;
      example = "s3://backup/prod";
      description = ''
        The destination: `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX`, `az://CONTAINER/PREFIX`,
        `sftp://USER@HOST/PATH`, `webdavs://HOST/PATH`, or the absolute path of a directory on another
        disk. `docs/copies.md` says what each needs. Of a directory only the last component is
        created; while its file system is not mounted, nothing is copied.
      '';
    };

    recipients = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kdy7g4lsqkw3w2x" ];
      description = ''
        The public keys that copies are encrypted to: keys of age (`age1...`) or of SSH
        (`ssh-ed25519 ...`, `ssh-rsa ...`). This machine then cannot read its copies; keep the private key elsewhere.
        Without recipients, copies are not encrypted.
      '';
    };

    host = mkOption {
      type = types.str;
      default = config.networking.hostName;
      defaultText = literalExpression "config.networking.hostName";
      example = "web";
      description = "The name of this machine in the destination. Two machines must not share a name.";
    };

    limitRate = mkOption {
      type = types.nullOr (import ./size-type.nix lib);
      default = null;
      example = "10MB";
      description = "The greatest number of bytes that are uploaded in one second.";
    };

    timeout = mkOption {
      type = types.strMatching "[0-9]+[smhd]";
      default = "1h";
      example = "6h";
      description = "The time limit for the upload of one copy.";
    };

    rotate = mkBool true ''
      Whether to remove the copies that the retention policy of this destination does not keep. Set it
      to `false` for credentials that may not remove anything.
    '';

    readBack = mkBool false ''
      Whether to download each copy after its upload and compare it with the dump, even if the store
      compares checksums itself.
    '';

    includeReplaced = mkBool false ''
      Whether to also copy the dumps in which restores saved the databases that they replaced.
    '';

    timerConfig = import ./timer-option.nix lib {
      default = {
        OnBootSec = "5m";
        OnUnitActiveSec = "10m";
        RandomizedDelaySec = "1m";
      };
      example.OnCalendar = "hourly";
      description = "When to copy.";
    };

    maxAge = mkOption {
      type = types.nullOr (types.strMatching "[0-9]+[smhd]");
      default = "1h";
      example = "1d";
      description = ''
        The greatest age of the newest copy of a database at the end of a round. If it is older, the
        round fails and names the database. `null` accepts every age.
      '';
    };

    extraArgs = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [
        "--log"
        "debug"
      ];
      description = "Additional arguments of {command}`dump-database copy`.";
    };
  }
  // import ./destination-options.nix { inherit lib; }
  // import ./retention.nix {
    inherit lib;
    inherited = cfg;
  };
}
