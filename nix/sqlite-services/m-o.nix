{ lib, tools, ... }:
let
  inherit (tools)
    below
    gone
    inSqlalchemyUrl
    instances
    inUrl
    isSqlite
    mautrix
    orElse
    when
    ;
in
{
  # mail/maddy.nix: credentials.db and imapsql.db, unless its configuration says otherwise.
  maddy =
    service:
    when (lib.hasInfix "driver sqlite3" (orElse "" (service.config or gone))) {
      maddy = "/var/lib/maddy/*.db";
    };
  # torrent/magnetico.nix
  magnetico = _: {
    magnetico = {
      file = "/var/lib/magnetico/database.sqlite3";
      service = "magneticod";
    };
  };
  # mail/mailman.nix
  mailman =
    service:
    let
      core = isSqlite (service.settings.database.url or "sqlite");
      web = !(service ? webSettings.DATABASES);
    in
    when core {
      mailman = {
        file = "/var/lib/mailman/data/mailman.db";
        stoppedServices = [
          "mailman"
          "mailman-daily"
        ];
      };
    }
    // when web {
      mailman-web = {
        file = "/var/lib/mailman-web/mailman-web.db";
        service = null;
        user = service.webUser or gone;
        stoppedServices = [
          "hyperkitty"
          "mailman-uwsgi"
          "mailman-web-setup"
        ]
        ++ map (period: "hyperkitty-${period}") [
          "minutely"
          "quarter_hourly"
          "hourly"
          "daily"
          "weekly"
          "yearly"
        ];
      };
    };
  # mail/mailpit.nix: an instance is enabled by being there.
  mailpit =
    service:
    lib.mapAttrs' (
      name: instance:
      lib.nameValuePair "mailpit-${name}" {
        file = below "/var/lib/mailpit" instance.database;
        service = "mailpit-${name}";
      }
    ) (lib.filterAttrs (_: instance: instance.database or null != null) (service.instances or gone));
  # matrix/appservice-discord.nix
  matrix-appservice-discord =
    service:
    let
      database = service.settings.database or { };
    in
    when (database.connString or "" == "" && database.filename or "" != "") {
      matrix-appservice-discord = database.filename;
    };
  # matrix/synapse.nix
  matrix-synapse =
    service:
    when (service.settings.database.name or gone == "sqlite3") {
      matrix-synapse = below (service.dataDir or gone) (service.settings.database.args.database or gone);
    };
  # matrix/maubot.nix: its own database, and one for each plugin that has one.
  maubot =
    service:
    let
      settings = service.settings or gone;
      directory = service.dataDir or gone;
      fileOf = inSqlalchemyUrl directory;
      own = settings.database or gone;
      crypto = settings.crypto_database or gone;
      entry = file: {
        inherit file;
        service = "maubot";
      };
    in
    when (isSqlite own) { maubot = entry (fileOf own); }
    // when (isSqlite crypto) { maubot-crypto = entry (fileOf crypto); }
    // when (settings.plugin_databases.postgres or gone == null) {
      maubot-plugins = entry (below (below directory (settings.plugin_databases.sqlite or gone)) "*.db");
    };
  # matrix/mautrix-discord.nix
  mautrix-discord =
    service: mautrix "mautrix-discord" (service.dataDir or gone) (service.settings or gone);
  # matrix/mautrix-meta.nix
  mautrix-meta = instances "mautrix-meta" (
    name: instance: mautrix name "/var/lib/${instance.dataDir or gone}" (instance.settings or gone)
  );
  # matrix/mautrix-signal.nix
  mautrix-signal =
    service: mautrix "mautrix-signal" "/var/lib/mautrix-signal" (service.settings or gone);
  # matrix/mautrix-telegram.nix
  mautrix-telegram =
    service: mautrix "mautrix-telegram" "/var/lib/mautrix-telegram" (service.settings or gone);
  # matrix/mautrix-whatsapp.nix
  mautrix-whatsapp =
    service: mautrix "mautrix-whatsapp" "/var/lib/mautrix-whatsapp" (service.settings or gone);
  # web-apps/mealie.nix
  mealie =
    service:
    when (service.settings.DB_ENGINE or "sqlite" == "sqlite") {
      mealie = below (service.settings.DATA_DIR or "/var/lib/mealie") "mealie.db";
    };
  # misc/mediatomb.nix: what was played; the rest is an index of the media.
  mediatomb =
    service:
    when (!(service.customCfg or gone)) {
      mediatomb = below (service.dataDir or gone) "${lib.getName (service.package or gone)}.db";
    };
  # web-apps/mediawiki.nix
  mediawiki =
    service:
    when (service.database.type or gone == "sqlite") {
      mediawiki = {
        file = below (service.database.path or gone) "${service.database.name or gone}.sqlite";
        service = null;
        user = "mediawiki";
        stoppedServices = [
          "mediawiki-init"
          "phpfpm-mediawiki"
        ];
      };
    };
  # misc/memos.nix
  memos =
    service:
    let
      settings = service.settings or gone;
      name = settings.MEMOS_DSN or "memos_${settings.MEMOS_MODE or "prod"}.db";
    in
    when (settings.MEMOS_DRIVER or "sqlite" == "sqlite") {
      memos = below (settings.MEMOS_DATA or service.dataDir or gone) name;
    };
  # web-apps/microbin.nix
  microbin =
    service:
    let
      json = service.settings.MICROBIN_JSON_DB or false;
      directory = service.settings.MICROBIN_DATA_DIR or "microbin_data";
    in
    when (json == false || json == "false") {
      microbin = below (below (service.dataDir or gone) directory) "database.sqlite";
    };
  # misc/mollysocket.nix
  mollysocket = service: {
    mollysocket = below "/var/lib/mollysocket" (service.settings.db or "mollysocket.db");
  };
  # misc/moonraker.nix
  moonraker = service: {
    moonraker = below (service.stateDir or gone) "database/moonraker-sql.db";
  };
  # networking/murmur.nix
  murmur =
    service:
    when (!(lib.hasInfix "dbDriver" (service.extraConfig or gone))) {
      murmur = below (service.stateDir or gone) "murmur.sqlite";
    };
  # audio/music-assistant.nix: library.db and auth.db
  music-assistant =
    service:
    when (lib.elem "/var/lib/music-assistant" (service.extraOptions or gone)) {
      music-assistant = "/var/lib/music-assistant/*.db";
    };
  # misc/n8n.nix
  n8n =
    service:
    when (service.environment.DB_TYPE or "sqlite" == "sqlite") {
      n8n = below (service.environment.N8N_USER_FOLDER or "/var/lib/n8n") ".n8n/database.sqlite";
    };
  # audio/navidrome.nix
  navidrome =
    service:
    let
      folder = below "/var/lib/navidrome" (service.settings.DataFolder or "/var/lib/navidrome");
    in
    {
      navidrome = inUrl "/var/lib/navidrome" (service.settings.DbPath or "${folder}/navidrome.db");
    };
  # networking/ncps.nix
  ncps =
    service:
    let
      url = orElse "" (service.cache.databaseURL or gone);
    in
    when (isSqlite url) { ncps = inUrl "/" url; };
  # networking/netbird/management.nix: the server; the client of the same NixOS service has no database.
  netbird =
    service:
    let
      management = service.server.management or { };
      at = file: {
        file = "/var/lib/netbird-mgmt/data/${file}";
        service = "netbird-management";
      };
    in
    when
      (management.enable or false && (management.settings.StoreConfig.Engine or "sqlite") == "sqlite")
      {
        netbird = at "store.db";
        netbird-events = at "events.db";
      };
  # web-apps/nextcloud.nix
  nextcloud =
    service:
    when (service.config.dbtype or gone == "sqlite") {
      nextcloud = {
        file =
          below (service.datadir or gone)
            "data/${orElse "nextcloud" (service.config.dbname or null)}.db";
        service = "nextcloud-setup";
        stoppedServices = [
          "nextcloud-cron"
          "nextcloud-setup"
          "nextcloud-update-db"
          "nextcloud-update-plugins"
          "phpfpm-nextcloud"
        ];
      };
    };
  # monitoring/nezha.nix
  nezha = _: { nezha = "/var/lib/nezha/sqlite.db"; };
  # web-apps/nostr-rs-relay.nix
  nostr-rs-relay = service: { nostr-rs-relay = below (service.dataDir or gone) "nostr.db"; };
  # misc/ntfy-sh.nix
  ntfy-sh =
    service:
    lib.mapAttrs' (key: file: lib.nameValuePair "ntfy-sh-${lib.removeSuffix "-file" key}" file) (
      lib.filterAttrs (_: file: file != null && file != "") (
        lib.genAttrs [ "auth-file" "cache-file" "web-push-file" ] (key: service.settings.${key} or null)
      )
    );
  # misc/ombi.nix: Ombi.db, OmbiSettings.db, OmbiExternal.db
  ombi = service: { ombi = below (service.dataDir or gone) "Ombi*.db"; };
  # misc/omnom.nix
  omnom =
    service:
    when (service.settings.db.type or gone == "sqlite") {
      omnom = below (service.dataDir or gone) (service.settings.db.connection or gone);
    };
  # misc/open-webui.nix
  open-webui =
    service:
    let
      folder = below (service.stateDir or gone) (service.environment.DATA_DIR or "data");
      url = service.environment.DATABASE_URL or "sqlite:///${folder}/webui.db";
    in
    when (isSqlite url) { open-webui = inUrl (service.stateDir or gone) url; };
  # misc/orthanc.nix
  orthanc =
    service:
    when (!(service.settings.PostgreSQL.EnableIndex or false)) {
      orthanc = below (service.settings.IndexDirectory or "/var/lib/orthanc") "index";
    };
  # misc/overseerr.nix
  overseerr = _: { overseerr = "/var/lib/overseerr/db/db.sqlite3"; };
  # misc/owncast.nix
  owncast = service: { owncast = below (service.dataDir or gone) "data/owncast.db"; };
}
