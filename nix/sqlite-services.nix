# The services of nixpkgs that keep their data in SQLite files: for each one that is enabled and
# set to SQLite, the files by the name of their database. A file is the path, or the path with the
# systemd service it belongs to where that is not called like the NixOS service, and `doubt`, the
# option that may name another database, if it is set to what cannot be known here.
{ lib, config }:
let
  inherit (lib) hasPrefix optionalAttrs;
  inherit (import ./sqlite-path.nix lib) below inUrl inSqlalchemyUrl;
  when = optionalAttrs;
  # A setting may be null where it may be missing.
  orElse = default: value: if value == null then default else value;

  servarr =
    name: file: service:
    when (!(service.database.createLocally or false) && !(service ? settings.postgres)) {
      ${name} = "${service.dataDir}/${file}";
    };

  mautrix =
    name: settings:
    let
      given = settings.database or settings.appservice.database or "";
      uri = if lib.isString given then given else given.uri or "";
      type = if lib.isString given then given else given.type or "";
    in
    when (hasPrefix "sqlite" type) { ${name} = inUrl "/var/lib/${name}" uri; };

  instances =
    name: files: service:
    lib.concatMapAttrs (
      instance: settings:
      let
        suffix = settings.name or instance;
        service = if suffix == "" then name else "${name}-${suffix}";
      in
      when settings.enable (lib.mapAttrs (_: file: { inherit file service; }) (files service settings))
    ) service.instances;
in
{
  actual = service: {
    actual-account = "${service.settings.serverFiles}/account.sqlite";
    actual-budgets = "${service.settings.userFiles}/*.sqlite";
  };
  audiobookshelf = service: {
    audiobookshelf = "${below "/var/lib" service.dataDir}/config/absdatabase.sqlite";
  };
  authelia = instances "authelia" (
    name: instance:
    let
      path = instance.settings.storage.local.path or null;
    in
    when (path != null) { ${name} = path; }
  );
  forgejo = service: when (service.database.type == "sqlite3") { forgejo = service.database.path; };
  gatus =
    service:
    let
      storage = orElse { } (service.settings.storage or null);
    in
    when (storage.type or null == "sqlite" && storage.path or null != null) {
      gatus = below "/" storage.path;
    };
  gitea = service: when (service.database.type == "sqlite3") { gitea = service.database.path; };
  gotosocial =
    service:
    when (service.settings.db-type or "sqlite" == "sqlite") {
      gotosocial = below "/var/lib/gotosocial" service.settings.db-address;
    };
  grafana =
    service:
    when (service.settings.database.type == "sqlite3") { grafana = service.settings.database.path; };
  headscale =
    service:
    let
      inherit (service.settings) database;
    in
    when (hasPrefix "sqlite" database.type && database.sqlite.path != null) {
      headscale = below "/var/lib/headscale" database.sqlite.path;
    };
  home-assistant =
    service:
    let
      recorder = orElse { } ((orElse { } service.config).recorder or null);
      url = orElse "" (recorder.db_url or null);
      secret = hasPrefix "!secret" url;
    in
    when (url == "" || secret || hasPrefix "sqlite" url) {
      home-assistant = {
        file =
          if hasPrefix "sqlite" url then
            inSqlalchemyUrl service.configDir url
          else
            "${service.configDir}/home-assistant_v2.db";
        doubt = if secret then "config.recorder.db_url" else null;
      };
    };
  jellyfin = service: { jellyfin = "${service.dataDir}/data/jellyfin.db"; };
  kavita = service: { kavita = "${service.dataDir}/config/kavita.db"; };
  lidarr = servarr "lidarr" "lidarr.db";
  lldap =
    service:
    let
      url =
        service.environment.LLDAP_DATABASE_URL or (service.settings.database_url or "sqlite://users.db");
    in
    when (hasPrefix "sqlite" url) { lldap = inUrl "/var/lib/lldap" url; };
  matrix-synapse =
    service:
    when (service.settings.database.name == "sqlite3") {
      matrix-synapse = below service.dataDir service.settings.database.args.database;
    };
  mautrix-discord = service: mautrix "mautrix-discord" service.settings;
  mautrix-meta = instances "mautrix-meta" (name: instance: mautrix name instance.settings);
  mautrix-signal = service: mautrix "mautrix-signal" service.settings;
  mautrix-telegram = service: mautrix "mautrix-telegram" service.settings;
  mautrix-whatsapp = service: mautrix "mautrix-whatsapp" service.settings;
  mealie =
    service:
    when (service.settings.DB_ENGINE or "sqlite" == "sqlite") {
      mealie = "${service.settings.DATA_DIR or "/var/lib/mealie"}/mealie.db";
    };
  navidrome =
    service:
    let
      folder = below "/var/lib/navidrome" (service.settings.DataFolder or "/var/lib/navidrome");
    in
    {
      navidrome = inUrl "/var/lib/navidrome" (service.settings.DbPath or "${folder}/navidrome.db");
    };
  nextcloud =
    service:
    when (service.config.dbtype == "sqlite") {
      nextcloud = {
        file = "${service.datadir}/data/${orElse "nextcloud" service.config.dbname}.db";
        service = "nextcloud-setup";
      };
    };
  ntfy-sh =
    service:
    lib.mapAttrs' (key: file: lib.nameValuePair "ntfy-sh-${lib.removeSuffix "-file" key}" file) (
      lib.filterAttrs (_: file: file != null && file != "") (
        lib.genAttrs [ "auth-file" "cache-file" "web-push-file" ] (key: service.settings.${key} or null)
      )
    );
  paperless =
    service:
    when
      (
        !(service.database.createLocally or false)
        && !(service ? settings.PAPERLESS_DBHOST)
        && service.settings.PAPERLESS_DBENGINE or "sqlite" == "sqlite"
      )
      {
        paperless = {
          file = "${service.dataDir}/db.sqlite3";
          service = "paperless-scheduler";
        };
      };
  photoprism =
    service:
    when (service.settings.PHOTOPRISM_DATABASE_DRIVER or "sqlite" == "sqlite") {
      photoprism = inUrl service.storagePath (service.settings.PHOTOPRISM_DATABASE_DSN or "index.db");
    };
  pocket-id =
    service:
    let
      url = service.settings.DB_CONNECTION_STRING or "data/pocket-id.db";
    in
    when (!(hasPrefix "postgres" url) && service.settings.DB_PROVIDER or "sqlite" == "sqlite") {
      pocket-id = {
        file = inUrl service.dataDir url;
        doubt =
          if service ? credentials.DB_CONNECTION_STRING then "credentials.DB_CONNECTION_STRING" else null;
      };
    };
  # Its data directory is mounted to where a dynamic user's must be.
  prowlarr =
    service: servarr "prowlarr" "prowlarr.db" (service // { dataDir = "/var/lib/prowlarr"; });
  radarr = servarr "radarr" "radarr.db";
  readarr = servarr "readarr" "readarr.db";
  sonarr = servarr "sonarr" "sonarr.db";
  uptime-kuma =
    service:
    when (service.settings.UPTIME_KUMA_DB_TYPE or "sqlite" == "sqlite") {
      uptime-kuma = "/var/lib/uptime-kuma/kuma.db";
    };
  vaultwarden =
    service:
    let
      state =
        if lib.versionAtLeast config.system.stateVersion "24.11" then
          "/var/lib/vaultwarden"
        else
          "/var/lib/bitwarden_rs";
      setting = upper: camel: orElse (service.config.${camel} or null) (service.config.${upper} or null);
      folder = orElse state (setting "DATA_FOLDER" "dataFolder");
      url = orElse "${folder}/db.sqlite3" (setting "DATABASE_URL" "databaseUrl");
    in
    when (service.dbBackend == "sqlite") { vaultwarden = inUrl state url; };
  vikunja = service: when (service.database.type == "sqlite") { vikunja = service.database.path; };
  wakapi =
    service:
    let
      database = orElse { } (service.settings.db or null);
      file = orElse "wakapi_db.db" (database.name or null);
    in
    when (orElse "sqlite3" (database.dialect or null) == "sqlite3") {
      wakapi = inUrl (service.stateDir or "/var/lib/wakapi") file;
    };
  whisparr = servarr "whisparr" "whisparr*.db"; # whisparr2.db, whisparr3.db
}
