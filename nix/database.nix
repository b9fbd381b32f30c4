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
  patterns =
    example: description:
    mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ example ];
      inherit description;
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
      The database: `sqlite:PATH`, an absolute path (a `*` in its last component matches any
      characters), a `postgresql://...` URL in the form of libpq, a `mysql://...` or
      `mariadb://...` URL, or a `redis://...` or `redis+unix:///...` URL. A server URL without a database name means every database of the server.
      Do not put a password into the URL; use {option}`passwordFile`. On the PostgreSQL server of
      this machine the dump may log in as the superuser, for example with
      `postgresql://postgres@/shop?host=/run/postgresql`.
    '';

    command = nullable (types.listOf types.str) [ "slapcat" "-n1" ] ''
      A program with its arguments, instead of a {option}`source`. It must write the dump to its
      standard output and exit 0. It cannot reach the sockets of the PostgreSQL and MySQL/MariaDB
      servers of this machine, unless {option}`user` is set.
    '';

    path = mkOption {
      type = types.listOf types.package;
      default = [ ];
      example = literalExpression "[ pkgs.openldap ]";
      description = ''
        Packages whose programs the dump and its drill may call. The clients of PostgreSQL and
        MySQL/MariaDB, and for the drill the server, are present in the version of the server of
        this machine. If the server to dump is on another machine and newer, or of another
        implementation, add its package here.
      '';
    };

    service = nullable types.str "vaultwarden" ''
      The systemd service on this machine, without `.service`, that the SQLite file belongs to.
      The dump runs as the user of that service, static or dynamic, and is ordered after it, because
      SQLite can open a database in WAL mode only as the owner of the file. So the service can
      destroy these dumps, as it can destroy its database. Keep copies on another machine.
    '';

    stoppedServices =
      nullable (types.listOf types.str)
        [
          "karakeep-web"
          "karakeep-workers"
        ]
        ''
          The systemd services on this machine, without `.service`, that use the database.
          {command}`dump-database-restore` stops those that run, the units that need them and their
          timers, and starts them again after the restore. The default is {option}`service` alone; for
          the services that the module finds, all services that use the file.
        '';

    user = nullable types.str "notes" ''
      The user that the dump runs as. For an SQLite file in WAL mode, this must be its owner. The
      default is the user of {option}`service`; for servers of this machine that are reached over
      their socket, `dump-database`, which may read everything there; for other servers and for
      commands, `dump-database-guest`.
    '';

    group =
      nullable types.str "notes"
        "The group that the dump runs as. The default is the group of the user.";

    optional = mkOption {
      type = types.bool;
      default = false;
      example = true;
      description = ''
        Whether the SQLite file may be missing at first. The database is skipped until the file
        exists. After the first dump, a missing file is an error.
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
          The format of a PostgreSQL dump: `plain` is SQL (the default), `custom` is the format of
          {command}`pg_restore`.
        '';

    sessions = nullable types.ints.positive 8 ''
      The number of sessions that read the rows of each PostgreSQL database, in one snapshot. With 1,
      {command}`pg_dump` alone reads them. The default is {option}`services.dumpDatabase.sessions`.
    '';

    largeTable = nullable (import ./size-type.nix lib) "1GB" ''
      The size from which several sessions read a PostgreSQL table. The default is
      {option}`services.dumpDatabase.largeTable`.
    '';

    excludeTables = patterns "audit_*" ''
      The tables to leave out: patterns of {command}`pg_dump` for PostgreSQL (`audit_*`, `history.*`),
      patterns with `*`, `?` and `[...]` for MySQL/MariaDB. Every dump, {command}`list` and
      {command}`status` say what is left out. A pattern that matches no table fails the dump, so that a
      table that was renamed is noticed. The {option}`source` must name one database; leave that
      database out of the dump of the whole server with {option}`services.dumpDatabase.exclude`.
    '';

    excludeRows = patterns "log_*" ''
      The tables that are dumped without their rows: patterns as in
      {option}`services.dumpDatabase.databases.<name>.excludeTables`.
    '';

    timeout = mkOption {
      type = types.strMatching "[0-9]+[smhd]";
      default = "1h";
      example = "4h";
      description = "The time limit for one run, which dumps all databases of this entry.";
    };

    skipUnchanged = mkOption {
      type = types.bool;
      default = cfg.skipUnchanged;
      defaultText = literalExpression "config.services.dumpDatabase.skipUnchanged";
      example = true;
      description = ''
        Whether to publish no dump if the database did not change since its newest dump.
      '';
    };

    timerConfig = nullable (import ./timer-type.nix lib) { OnCalendar = "daily"; } ''
      When to dump this database, if it has its own timer instead of the common round: settings of
      {manpage}`systemd.timer(5)`. The default of {option}`services.dumpDatabase.timerConfig` does
      not apply. The round then checks the age of this database only if {option}`maxAge` is set.
    '';

    maxAge = nullable (types.strMatching "[0-9]+[smhd]") "2d" ''
      The greatest age of the newest dump at the end of a round. If it is older, the round fails and
      names the database. The default is {option}`services.dumpDatabase.maxAge`; for a database with
      its own {option}`timerConfig`, any age is accepted.
    '';

    passwordFile = nullable types.externalPath "/run/secrets/shop" ''
      A file that holds the password and nothing else. Only root needs to read it: the dump gets the
      password as a systemd credential.
    '';

    environmentFile = nullable types.externalPath "/run/secrets/shop.env" ''
      A file of environment variables for the dump, in the form of `EnvironmentFile=` in
      {manpage}`systemd.exec(5)`.
    '';

    extraArgs = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [
        "--busy-timeout"
        "2m"
      ];
      description = "Additional arguments of {command}`dump-database dump`.";
    };
  }
  // import ./retention.nix {
    inherit lib;
    inherited = cfg;
  };
}
