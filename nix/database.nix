# One database: an entry of services.dumpDatabase.databases.
{ cfg, lib }:
let
  inherit (lib) literalExpression mkOption types;
  nullable =
    type: example: description:
    mkOption {
      type = types.nullOr type;
      default = null;
      inherit example description;
    };
in
{
  options = {
    enable = mkOption {
      type = types.bool;
      default = true;
      example = false;
      description = "Whether to dump this database.";
    };

    source = nullable types.str "postgresql://dumper@db.example.org/shop" ''
      Where the database is reached: `sqlite:PATH` or an absolute path (in the last component of
      which `*` stands for any characters), `postgresql://...` as libpq writes it, `mysql://...` or
      `mariadb://...`. A server without a database name means every database of it.
      No password: see {option}`passwordFile`. On this machine's PostgreSQL the dump may be the
      superuser, as in `postgresql://postgres@/shop?host=/run/postgresql`.
    '';

    command = nullable (types.listOf types.str) [ "slapcat" "-n1" ] ''
      A program and its arguments that writes the dump to its standard output and exits 0,
      instead of a {option}`source`. It sees no socket of this machine's PostgreSQL and
      MySQL/MariaDB servers, unless it has a {option}`user` of its own.
    '';

    path = mkOption {
      type = types.listOf types.package;
      default = [ ];
      example = literalExpression "[ pkgs.openldap ]";
      description = ''
        Packages whose programs the dump and its drill may call. For PostgreSQL and MySQL/MariaDB
        the clients, and for the drill the server, are there in the version of this machine's
        server; for one elsewhere that is newer or of another make, name its package here.
      '';
    };

    service = nullable types.str "vaultwarden" ''
      The systemd service on this machine, without `.service`, that the SQLite file belongs to.
      The dump runs as that service's user, static or dynamic, and after it: SQLite opens a
      database in WAL mode as its owner alone. So the service can destroy these dumps, as it can
      its database; copies that it cannot reach are the answer.
    '';

    user = nullable types.str "notes" ''
      The user the dump runs as: for an SQLite file its owner. By default the user of
      {option}`service`; for servers of this machine, reached over their socket, `dump-database`,
      which is the superuser there; for other servers and for commands `dump-database-guest`.
    '';

    group = nullable types.str "notes" "The group the dump runs as; by default the user's.";

    optional = mkOption {
      type = types.bool;
      default = false;
      example = true;
      description = ''
        Whether the SQLite file may not exist yet. Then the database is passed over until the file
        exists; once there is a dump of it a missing file is an error.
      '';
    };

    format =
      nullable
        (types.enum [
          "plain"
          "custom"
        ])
        "custom"
        ''
          The format of a PostgreSQL dump: `plain` SQL (the program's default) or `custom`, for
          {command}`pg_restore`.
        '';

    timeout = mkOption {
      type = types.strMatching "[0-9]+[smhd]";
      default = "1h";
      example = "4h";
      description = "How long one run may take.";
    };

    skipUnchanged = mkOption {
      type = types.bool;
      default = cfg.skipUnchanged;
      defaultText = literalExpression "config.services.dumpDatabase.skipUnchanged";
      example = true;
      description = ''
        Whether to publish nothing where the database is what the newest dump of it holds.
      '';
    };

    timerConfig = nullable (import ./timer-type.nix lib) { OnCalendar = "daily"; } ''
      When to dump this database, if not in the common round, as {manpage}`systemd.timer(5)` has it.
      The default of {option}`services.dumpDatabase.timerConfig` is no part of it. The round judges
      the age of this database then only if {option}`maxAge` says how old it may be.
    '';

    maxAge = nullable (types.strMatching "[0-9]+[smhd]") "2d" ''
      How old the newest dump may be at the end of a round before the round fails and names it. By
      default {option}`services.dumpDatabase.maxAge`, and for a database with a
      {option}`timerConfig` of its own any age.
    '';

    passwordFile = nullable types.externalPath "/run/secrets/shop" ''
      A file that holds the password and nothing else, readable for root. It is handed over as a
      systemd credential.
    '';

    environmentFile = nullable types.externalPath "/run/secrets/shop.env" ''
      A file of environment variables for the dump, as {manpage}`systemd.exec(5)` has it.
    '';

    extraArgs = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [
        "--busy-timeout"
        "2m"
      ];
      description = "More arguments of {command}`dump-database dump`.";
    };
  }
  // import ./retention.nix {
    inherit lib;
    inherited = cfg;
  };
}
