{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) literalExpression mkOption types;
  cfg = config.services.dumpDatabase;
  timer = import ./timer.nix lib;
  beginnings = lib.concatMapStringsSep ", " (key: "`${key}`") timer.beginning;
  everyTenMinutes = {
    OnBootSec = "2m";
    OnUnitActiveSec = "10m";
  };
  everyWeek = {
    OnCalendar = "weekly";
    Persistent = true;
  };
in
{
  options.services.dumpDatabase = {
    enable = lib.mkEnableOption "dumping every database of this machine" // {
      description = ''
        Whether to dump every database of this machine every ten minutes and keep the five newest
        dumps of each, which is fifty minutes of history. With
        {option}`services.dumpDatabase.keepDaily` `= 7` beside it, a dump of each of the last seven
        days is kept as well.

        Each database has a directory of its own below {option}`services.dumpDatabase.directory`.

        Enabling restarts the database servers of this machine that are dumped: PostgreSQL gets a
        line in {option}`services.postgresql.identMap` that lets the user `dump-database` in as the
        superuser, MySQL/MariaDB a user `dump-database` by {option}`services.mysql.ensureUsers` that
        may read everything. NixOS never removes such a user. After disabling do it by hand:
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
        Where the dumps live: one directory a database, named as its entry in
        {option}`services.dumpDatabase.databases`, which only the database's user may enter.
        If it is on a file system of its own, nothing is dumped while that is not mounted.
        Elsewhere than here the dumps of services with a dynamic user are in `private/` below it.
      '';
    };

    compression = mkOption {
      type = types.strMatching "gzip(:[0-9])?|zstd(:(1[0-9]|[1-9]))?";
      default = "gzip:2";
      example = "zstd:3";
      description = "The compression of the dumps and its level.";
    };

    timerConfig = mkOption {
      type = import ./timer-type.nix lib;
      default = everyTenMinutes;
      apply = timer.merge everyTenMinutes;
      example = {
        OnUnitActiveSec = "30m";
      };
      description = ''
        When to dump, as {manpage}`systemd.timer(5)` has it. What is set here changes the default key
        by key; `OnCalendar` replaces its intervals. One of ${beginnings} must be set, or nothing
        starts the first round after a boot. The time between two rounds is `OnUnitActiveSec` and the
        length of a round.
      '';
    };

    roundTimeout = mkOption {
      type = types.str;
      default = "9m";
      example = "50m";
      description = ''
        How long a round waits for its databases, as {manpage}`systemd.time(7)` writes it, before it
        fails. Dumps that are still running go on. Keep it below the interval of the timer.
      '';
    };

    maxAge = mkOption {
      type = types.strMatching "[0-9]+[smhd]";
      default = "30m";
      example = "2h";
      description = ''
        How old the newest dump of a database may be at the end of a round before the round fails
        and names it.
      '';
    };

    skipUnchanged = mkOption {
      type = types.bool;
      default = false;
      example = true;
      description = ''
        Whether to publish nothing where a database is what the newest dump of it holds. Such a run
        counts as a success, and the dumps that are kept reach further back.
      '';
    };

    drill = {
      enable = mkOption {
        type = types.bool;
        default = false;
        example = true;
        description = ''
          Whether to restore the newest dump of every database again and again into a throwaway
          one, compare, and throw that away: an SQLite file, or a private server without a network.
          Each works in `/var/cache/dump-database-drill/<name>`, which needs the room of the database,
          as a user that exists for this drill alone and sees neither dumps nor sockets. A failed drill
          fails its unit (`dump-database-drill-<name>.service`) and, until the next one, each round.
          What a {option}`services.dumpDatabase.databases.<name>.command` printed is not drilled.
        '';
      };

      timerConfig = mkOption {
        type = import ./timer-type.nix lib;
        default = everyWeek;
        apply = timer.merge everyWeek;
        example = {
          OnCalendar = "daily";
        };
        description = ''
          When to drill, as {manpage}`systemd.timer(5)` has it. What is set here changes the default
          key by key, as in {option}`services.dumpDatabase.timerConfig`.
        '';
      };

      timeout = mkOption {
        type = types.str;
        default = "6h";
        example = "1d";
        description = ''
          How long the drill of one entry of {option}`services.dumpDatabase.databases` may take, all
          its databases together, as {manpage}`systemd.time(7)` writes it. For each of them its
          `timeout` counts.
        '';
      };
    };

    metrics.enable = mkOption {
      type = types.bool;
      default = false;
      example = true;
      description = ''
        Whether to write metrics of all dumps and drills every minute to
        `/var/lib/dump-database-metrics/dump-database.prom`, where this machine's
        {option}`services.prometheus.exporters.node` reads them. Alert rules and a dashboard are
        in `docs/monitoring`.
      '';
    };

    discover = mkOption {
      type = types.bool;
      default = true;
      example = false;
      description = ''
        Whether to find the databases in this machine's configuration: the PostgreSQL and
        MySQL/MariaDB servers it enables, and the SQLite files of the services it enables.
        What was found are entries of {option}`services.dumpDatabase.databases`, to be changed or
        disabled there. A service that is known to keep its data in something else is named by a
        warning. What runs in containers ({option}`containers`,
        {option}`virtualisation.oci-containers`) is not found.
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
        What to leave out, by name: of what was discovered the entries with exactly this name, and
        of each server dumped whole the databases that match this glob.
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
        The units to start when a round succeeds: every database of it has a fresh dump.
      '';
    };

    ping.urlFile = mkOption {
      type = types.nullOr types.externalPath;
      default = null;
      example = "/run/secrets/dump-database-ping";
      description = ''
        A file that holds a URL and nothing else, readable for root. It is requested after each good
        round, and with `/fail` at its end after each failed one, as healthchecks.io has it; such a
        service calls you when no request comes any more. No argument and no log shows the URL.
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
        The databases, each with a name of letters, digits and `._-`. The name is that of its unit
        (`dump-database-<name>.service`) and of its directory.
      '';
    };
  }
  // import ./retention.nix {
    inherit lib;
    inherited = { };
  };
}
