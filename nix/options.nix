{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) literalExpression mkOption types;
  cfg = config.services.dumpDatabase;
  timerOption = import ./timer-option.nix lib;
in
{
  options.services.dumpDatabase = {
    enable = lib.mkEnableOption "dumping every database of this machine" // {
      description = ''
        Whether to dump every database of this machine every ten minutes and keep the five newest
        dumps of each. Five dumps reach back fifty minutes. To keep a dump of each of the last seven
        days as well, set {option}`services.dumpDatabase.keepDaily` `= 7`.

        Each database has its own directory below {option}`services.dumpDatabase.directory`.

        Enabling this option restarts the PostgreSQL and MySQL/MariaDB servers of this machine that
        are dumped. PostgreSQL gets a line in {option}`services.postgresql.identMap` that lets the
        user `dump-database` log in as the superuser. MySQL/MariaDB gets a user `dump-database` from
        {option}`services.mysql.ensureUsers` that may read everything. NixOS never removes such a
        user. After you disable this option, remove it by hand:
        `DROP USER 'dump-database'@'localhost'`.
      '';
      example = true;
    };

    package = mkOption {
      type = types.package;
      default = pkgs.callPackage ./package.nix { };
      defaultText = literalExpression "pkgs.callPackage ./package.nix { }";
      example = literalExpression "inputs.dump-database.packages.\${pkgs.stdenv.hostPlatform.system}.default";
      description = "The dump-database package to use.";
    };

    directory = mkOption {
      type = types.externalPath;
      default = "/var/lib/dump-database";
      example = "/mnt/backup/dumps";
      description = ''
        The directory of the dumps. In it, each database has a directory that only the user of the
        dump may enter, named as its entry in {option}`services.dumpDatabase.databases`.
        If the directory is on a separate file system, nothing is dumped while that file system is
        not mounted. If you set another directory than the default, the dumps of services with a
        dynamic user are in `private/` below it.
      '';
    };

    compression = mkOption {
      type = types.strMatching "gzip(:[0-9])?|zstd(:(1[0-9]|[1-9]))?";
      default = "gzip:2";
      example = "zstd:3";
      description = "The compression method of the dumps, and its level after the colon.";
    };

    timerConfig = timerOption {
      default = {
        OnBootSec = "2m";
        OnUnitActiveSec = "10m";
      };
      example.OnUnitActiveSec = "30m";
      description = "When to start a round, which dumps every database that has no separate timer. `OnUnitActiveSec` counts from the end of the previous round.";
    };

    roundTimeout = mkOption {
      type = types.str;
      default = "9m";
      example = "50m";
      description = ''
        How long a round may wait for the dumps of its databases before the round fails, in the form
        of {manpage}`systemd.time(7)`. Dumps that are still running then continue. Keep it below the
        interval of the timer.
      '';
    };

    maxAge = mkOption {
      type = types.strMatching "[0-9]+[smhd]";
      default = "30m";
      example = "2h";
      description = ''
        The greatest age of the newest dump of a database at the end of a round. If it is older, the
        round fails and names the database.
      '';
    };

    skipUnchanged = mkOption {
      type = types.bool;
      default = false;
      example = true;
      description = ''
        Whether to publish no dump of a database that did not change since its newest dump. The run
        still counts as a success, and the dumps that are kept reach further back.
      '';
    };

    sessions = mkOption {
      type = types.nullOr types.ints.positive;
      default = null;
      example = 2;
      description = ''
        The number of sessions that read the rows of each PostgreSQL database, in one snapshot. The
        default is one fewer than the number of cores, 1 to 4, for tables that belong to a superuser or to the
        role that dumps, and 1 if these have less than 256 MiB together. A number above 1 also reads tables of
        other owners, who must be trusted.
      '';
    };

    largeTable = mkOption {
      type = types.nullOr (import ./size-type.nix lib);
      default = null;
      example = "1GB";
      description = ''
        The size from which several sessions read a PostgreSQL table; {command}`pg_dump` reads the
        smaller ones. The default is 16MiB.
      '';
    };

    drill = {
      enable = mkOption {
        type = types.bool;
        default = false;
        example = true;
        description = ''
          Whether to drill regularly: to restore the newest dump of every database into a throwaway
          database and compare the two. The throwaway database is an SQLite file or a private server
          without a network. A drill runs as a user that exists for this drill only and has access neither
          to the dumps nor to the sockets of this machine. It works in
          `/var/cache/dump-database-drill/<name>`, which needs as much space as the database. A
          failed drill fails its unit (`dump-database-drill-<name>.service`) and every round until a
          drill succeeds. Dumps of a {option}`services.dumpDatabase.databases.<name>.command` are
          not drilled.
        '';
      };

      timerConfig = import ./drill-timer-option.nix lib;

      timeout = mkOption {
        type = types.str;
        default = "6h";
        example = "1d";
        description = ''
          The time limit for the drill of one entry of {option}`services.dumpDatabase.databases`,
          with all databases of its server, in the form of {manpage}`systemd.time(7)`. For each
          single database the `timeout` of the entry is the limit.
        '';
      };
    };

    survey = {
      enable = mkOption {
        type = types.bool;
        default = true;
        example = false;
        description = ''
          Whether to look once a day for databases of this machine that nobody dumps: servers by their
          sockets and ports, and SQLite files by their first bytes. The journal of
          {command}`dump-database-survey.service` names them once a day, and so does each
          {command}`dump-database status` that you run. They fail no unit.
        '';
      };

      places = mkOption {
        type = types.listOf types.externalPath;
        default = [
          "/var/lib"
          "/srv"
          "/home"
          "/root"
          "/opt"
        ];
        example = [
          "/var/lib"
          "/data"
        ];
        description = "The directories below which SQLite files are looked for.";
      };

      ignore = mkOption {
        type = types.listOf types.str;
        default = [ ];
        example = [ "/home/*/.mozilla/*" ];
        description = ''
          Patterns (`*`, `?`, `[...]`) for paths of files and sockets, and for addresses, of databases that
          need no dump.
        '';
      };

      timeout = mkOption {
        type = types.strMatching "[0-9]+[smhd]";
        default = "30m";
        example = "2h";
        description = "The time limit for the search for files. A survey that reaches it is not complete.";
      };

      timerConfig = timerOption {
        default = {
          OnBootSec = "10m";
          OnUnitActiveSec = "1d";
        };
        example.OnCalendar = "03:00";
        description = "When to survey.";
      };
    };

    metrics.enable = mkOption {
      type = types.bool;
      default = false;
      example = true;
      description = ''
        Whether to write metrics of all dumps and drills every minute to
        `/var/lib/dump-database-metrics/dump-database.prom`. The
        {option}`services.prometheus.exporters.node` of this machine reads them there. Alert rules
        and a dashboard are in `docs/monitoring`.
      '';
    };

    discover = mkOption {
      type = types.bool;
      default = true;
      example = false;
      description = ''
        Whether to find the databases that the configuration of this machine declares: its
        PostgreSQL, MySQL/MariaDB and Redis servers, and the SQLite files of its services. Each database
        that is found becomes an entry of {option}`services.dumpDatabase.databases`, where you can
        change or disable it. A warning names each service that is known to keep its data in
        something that is not dumped. Databases in containers ({option}`containers`,
        {option}`virtualisation.oci-containers`) are not found.
      '';
    };

    exclude = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [
        "grafana"
        "test_*"
      ];
      description = ''
        What is not dumped: the discovered entries that have one of these names, and the databases of
        servers whose names match one of them as a pattern (`*`, `?`, `[...]`).
      '';
    };

    onFailure = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ "notify-admin@%n.service" ];
      description = "The units to start when a dump, a drill or a round fails.";
    };

    onSuccess = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ "restic-backups-dumps.service" ];
      description = ''
        The units to start when a round succeeds, which means that every database of the round has a
        fresh dump.
      '';
    };

    ping.urlFile = mkOption {
      type = types.nullOr types.externalPath;
      default = null;
      example = "/run/secrets/dump-database-ping";
      description = ''
        A file that holds a URL and nothing else. Only root needs to read it. The URL is requested
        after each successful round, and with `/fail` appended after each failed round, as
        healthchecks.io expects it. Such a service alerts you when the requests stop. The URL appears
        in no argument and in no log.
      '';
    };

    copies = mkOption {
      type = types.attrsOf (types.submodule (import ./copy-options.nix { inherit cfg config lib; }));
      default = { };
      example = literalExpression ''
        {
          away.to = "s3://backup/prod";
          away.environment.AWS_ENDPOINT_URL = "https://s3.example.org";
          away.environmentFile = "/run/secrets/copies.env";
          away.recipients = [ "age1..." ];
          disk.to = "/mnt/backup/copies";
        }
      '';
      description = ''
        The destinations in which copies of all dumps are stored. For each destination, a timer starts
        the unit `dump-database-copy-<name>.service`, which can read the dumps and sees no
        socket of a database. `docs/copies.md` describes destinations.
      '';
    };

    drills = mkOption {
      type = types.attrsOf (types.submodule (import ./drill-options.nix { inherit lib pkgs; }));
      default = { };
      example = literalExpression ''
        {
          web.from = "s3://backup/prod";
          web.host = "web";
          web.environmentFile = "/run/secrets/copies.env";
          web.identityFile = "/run/secrets/age-key";
        }
      '';
      description = ''
        Destinations whose copies are drilled: the newest copy of each database is downloaded, decrypted
        and restored into a throwaway database, as with {option}`services.dumpDatabase.drill.enable`.
        For each destination, a timer starts the unit `dump-database-drill-copies-<name>.service`. Set
        this option on another machine than those that copy, because a drill needs the private key.
      '';
    };

    databases = mkOption {
      type = types.attrsOf (types.submodule (import ./database.nix { inherit cfg lib; }));
      default = { };
      example = literalExpression ''
        {
          shop.source = "postgresql://dumper@db.example.org/shop";
          shop.passwordFile = "/run/secrets/shop";
          notes.source = "sqlite:/srv/notes/notes.db";
          notes.user = "notes";
          ldap.command = [ "''${pkgs.openldap}/bin/slapcat" "-n1" ];
          ldap.user = "openldap";
          grafana.enable = false;
        }
      '';
      description = ''
        The databases to dump. The name of an entry consists of letters, digits and `._-`. It becomes
        the name of the unit (`dump-database-<name>.service`) and of the directory of the dumps.
      '';
    };
  }
  // import ./retention.nix {
    inherit lib;
    inherited = { };
  };
}
