# The services of nixpkgs that keep their data in SQLite files: for each one that is enabled and
# set to SQLite, the files by the name of their database. A file is the path, or the path and the
# systemd service it belongs to where that is not called like the NixOS service.
{ lib, config }:
let
  inherit (lib) hasPrefix optionalAttrs removePrefix;
  when = optionalAttrs;

  # The path in an SQLite URL of SQLAlchemy's, sqlx's or Go's kind.
  pathIn =
    directory: url:
    let
      bare = lib.head (lib.splitString "?" url);
      stripped = removePrefix "//" (
        removePrefix "file:" (removePrefix "sqlite:" (removePrefix "sqlite+aiosqlite:" bare))
      );
      path = lib.replaceStrings [ "//" ] [ "/" ] stripped;
    in
    if hasPrefix "/" path then path else "${directory}/${removePrefix "./" path}";

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
    when (hasPrefix "sqlite" type) { ${name} = pathIn "/var/lib/${name}" uri; };

  instances =
    name: files: service:
    lib.concatMapAttrs (
      instance: settings:
      when settings.enable (
        lib.mapAttrs (_: file: {
          inherit file;
          service = "${name}-${instance}";
        }) (files "${name}-${instance}" settings)
      )
    ) service.instances;
in
{
  actual = service: {
    actual-account = "${service.settings.serverFiles}/account.sqlite";
    actual-budgets = "${service.settings.userFiles}/*.sqlite";
  };
  audiobookshelf = service: {
    audiobookshelf = "${
      if hasPrefix "/" service.dataDir then service.dataDir else "/var/lib/${service.dataDir}"
    }/config/absdatabase.sqlite";
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
    when ((service.settings.storage.type or null) == "sqlite") {
      gatus = service.settings.storage.path;
    };
  gitea = service: when (service.database.type == "sqlite3") { gitea = service.database.path; };
  gotosocial =
    service:
    when (service.settings.db-type or "sqlite" == "sqlite") {
      gotosocial = service.settings.db-address;
    };
  grafana =
    service:
    when (service.settings.database.type == "sqlite3") { grafana = service.settings.database.path; };
  headscale =
    service:
    when (hasPrefix "sqlite" service.settings.database.type) {
      headscale = service.settings.database.sqlite.path;
    };
  home-assistant =
    service:
    when
      (
        service.config == null
        || !(service.config ? recorder)
        || service.config.recorder == null
        || !(service.config.recorder ? db_url)
      )
      {
        home-assistant = "${service.configDir}/home-assistant_v2.db";
      };
  jellyfin = service: { jellyfin = "${service.dataDir}/data/jellyfin.db"; };
  kavita = service: { kavita = "${service.dataDir}/config/kavita.db"; };
  lidarr = servarr "lidarr" "lidarr.db";
  lldap =
    service:
    when (hasPrefix "sqlite" service.settings.database_url) {
      lldap = pathIn "/var/lib/lldap" service.settings.database_url;
    };
  matrix-synapse =
    service:
    when (service.settings.database.name == "sqlite3") {
      matrix-synapse = pathIn service.dataDir service.settings.database.args.database;
    };
  mautrix-discord = service: mautrix "mautrix-discord" service.settings;
  mautrix-meta = instances "mautrix-meta" (name: instance: mautrix name instance.settings);
  mautrix-signal = service: mautrix "mautrix-signal" service.settings;
  mautrix-telegram = service: mautrix "mautrix-telegram" service.settings;
  mautrix-whatsapp = service: mautrix "mautrix-whatsapp" service.settings;
  mealie =
    service:
    when (service.settings.DB_ENGINE or "sqlite" == "sqlite") { mealie = "/var/lib/mealie/mealie.db"; };
  navidrome = service: {
    navidrome = "${service.settings.DataFolder or "/var/lib/navidrome"}/navidrome.db";
  };
  nextcloud =
    service:
    when (service.config.dbtype == "sqlite") {
      nextcloud = {
        file = "${service.datadir}/data/${service.config.dbname}.db";
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
      photoprism = pathIn service.storagePath (service.settings.PHOTOPRISM_DATABASE_DSN or "index.db");
    };
  pocket-id =
    service:
    when (!(service ? settings.DB_CONNECTION_STRING)) {
      pocket-id = "${service.dataDir}/data/pocket-id.db";
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
      folder =
        service.config.DATA_FOLDER or service.config.dataFolder or (
          if lib.versionAtLeast config.system.stateVersion "24.11" then
            "/var/lib/vaultwarden"
          else
            "/var/lib/bitwarden_rs"
        );
    in
    when (service.dbBackend == "sqlite") { vaultwarden = "${folder}/db.sqlite3"; };
  vikunja = service: when (service.database.type == "sqlite") { vikunja = service.database.path; };
  wakapi =
    service:
    let
      database = service.settings.db or { };
    in
    when
      (
        lib.elem (database.dialect or "sqlite3") [
          null
          "sqlite3"
        ]
        && hasPrefix "/" (database.name or "")
      )
      {
        wakapi = database.name;
      };
}
