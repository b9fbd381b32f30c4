{
  config,
  lib,
  tools,
}:
let
  inherit (tools)
    below
    gone
    inUrl
    isSqlite
    orElse
    servarr
    when
    ;
in
{
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
  # web-apps/nextcloud.nix
  nextcloud =
    service:
    when (service.config.dbtype or gone == "sqlite") {
      nextcloud = {
        file =
          below (service.datadir or gone)
            "data/${orElse "nextcloud" (service.config.dbname or null)}.db";
        service = "nextcloud-setup";
      };
    };
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
  # misc/open-webui.nix
  open-webui =
    service:
    let
      folder = below (service.stateDir or gone) (service.environment.DATA_DIR or "data");
      url = service.environment.DATABASE_URL or "sqlite:///${folder}/webui.db";
    in
    when (isSqlite url) { open-webui = inUrl (service.stateDir or gone) url; };
  # misc/overseerr.nix
  overseerr = _: { overseerr = "/var/lib/overseerr/db/db.sqlite3"; };
  # misc/paperless.nix
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
          file = below (service.settings.PAPERLESS_DATA_DIR or service.dataDir or gone) "db.sqlite3";
          service = "paperless-scheduler";
        };
      };
  # web-apps/photoprism.nix
  photoprism =
    service:
    when (isSqlite (service.settings.PHOTOPRISM_DATABASE_DRIVER or "sqlite")) {
      photoprism = inUrl (service.storagePath or gone) (
        service.settings.PHOTOPRISM_DATABASE_DSN or "index.db"
      );
    };
  # web-apps/photoview.nix
  photoview =
    service:
    when (service.database.type or gone == "sqlite") {
      photoview = below (service.dataDir or gone) "photoview.db";
    };
  # misc/pinchflat.nix
  pinchflat = service: {
    pinchflat = service.extraConfig.DATABASE_PATH or "/var/lib/pinchflat/db/pinchflat.db";
  };
  # misc/plex.nix
  plex = service: {
    plex = below (service.dataDir or gone
    ) "Plex Media Server/Plug-in Support/Databases/com.plexapp.plugins.library.db";
  };
  # security/pocket-id.nix
  pocket-id =
    service:
    let
      url = service.settings.DB_CONNECTION_STRING or "data/pocket-id.db";
    in
    when (!(lib.hasPrefix "postgres" url) && service.settings.DB_PROVIDER or "sqlite" == "sqlite") {
      pocket-id = {
        file = inUrl (service.dataDir or gone) url;
        doubt =
          if service ? credentials.DB_CONNECTION_STRING then "credentials.DB_CONNECTION_STRING" else null;
      };
    };
  # misc/servarr/prowlarr.nix: its data directory is mounted to where a dynamic user's must be.
  prowlarr =
    service: servarr "prowlarr" "prowlarr.db" (service // { dataDir = "/var/lib/prowlarr"; });
  # misc/servarr/radarr.nix
  radarr = servarr "radarr" "radarr.db";
  # misc/radicle.nix: which nodes and repositories it follows, what it knows of them, notifications.
  radicle = _: {
    radicle = {
      file = "/var/lib/radicle/node/*.db";
      service = "radicle-node";
    };
  };
  # misc/servarr/readarr.nix
  readarr = servarr "readarr" "readarr.db";
  # web-apps/readeck.nix
  readeck =
    service:
    let
      source =
        service.settings.database.source
          or "sqlite3:${service.settings.main.data_directory or "data"}/db.sqlite3";
    in
    when (isSqlite source) {
      readeck = inUrl "/var/lib/readeck" (lib.removePrefix "sqlite3:" source);
    };
  # monitoring/scrutiny.nix
  scrutiny = _: { scrutiny = "/var/lib/scrutiny/scrutiny.db"; };
  # misc/seerr.nix
  seerr = service: { seerr = below (service.configDir or gone) "db/db.sqlite3"; };
  # web-apps/sftpgo.nix
  sftpgo =
    service:
    let
      provider = service.settings.data_provider or { };
    in
    when (provider.driver or "sqlite" == "sqlite") {
      sftpgo = below (service.dataDir or gone) (provider.name or "sftpgo.db");
    };
  # web-apps/shiori.nix
  shiori =
    service: when (service.databaseUrl or gone == null) { shiori = "/var/lib/shiori/shiori.db"; };
  # misc/servarr/sonarr.nix
  sonarr = servarr "sonarr" "sonarr.db";
  # misc/spoolman.nix
  spoolman =
    service:
    when (service.environment.SPOOLMAN_DB_TYPE or "sqlite" == "sqlite") {
      spoolman = below (service.environment.SPOOLMAN_DIR_DATA or "/var/lib/spoolman") "spoolman.db";
    };
  # misc/tandoor-recipes.nix
  tandoor-recipes =
    service:
    when
      (
        !(service.database.createLocally or false)
        && lib.hasSuffix "sqlite3" (service.extraConfig.DB_ENGINE or "sqlite3")
      )
      {
        tandoor-recipes = below "/var/lib/tandoor-recipes" (
          service.extraConfig.POSTGRES_DB or "db.sqlite3"
        );
      };
  # misc/tautulli.nix
  tautulli = service: { tautulli = below (service.dataDir or gone) "tautulli.db"; };
  # networking/teamspeak3.nix
  teamspeak3 = service: {
    teamspeak3 = {
      file = below (service.dataDir or gone) "ts3server.sqlitedb";
      service = "teamspeak3-server";
    };
  };
  # web-apps/trilium.nix
  trilium-server = service: { trilium-server = below (service.dataDir or gone) "document.db"; };
  # monitoring/uptime-kuma.nix
  uptime-kuma =
    service:
    when (service.settings.UPTIME_KUMA_DB_TYPE or "sqlite" == "sqlite") {
      uptime-kuma = "/var/lib/uptime-kuma/kuma.db";
    };
  # security/vaultwarden/default.nix
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
    when (service.dbBackend or gone == "sqlite") { vaultwarden = inUrl state url; };
  # web-apps/vikunja.nix
  vikunja =
    service:
    when (service.database.type or gone == "sqlite") { vikunja = service.database.path or gone; };
  # web-apps/wakapi.nix
  wakapi =
    service:
    let
      database = orElse { } (service.settings.db or null);
      file = orElse "wakapi_db.db" (database.name or null);
    in
    when (orElse "sqlite3" (database.dialect or null) == "sqlite3") {
      wakapi = inUrl (service.stateDir or "/var/lib/wakapi") file;
    };
  # misc/wastebin.nix
  wastebin = service: { wastebin = service.settings.WASTEBIN_DATABASE_PATH or gone; };
  # misc/servarr/whisparr.nix: whisparr2.db or whisparr3.db
  whisparr = servarr "whisparr" "whisparr*.db";
  # continuous-integration/woodpecker/server.nix
  woodpecker-server =
    service:
    when (service.environment.WOODPECKER_DATABASE_DRIVER or "sqlite3" == "sqlite3") {
      woodpecker-server = inUrl "/var/lib/woodpecker-server" (
        service.environment.WOODPECKER_DATABASE_DATASOURCE or "woodpecker.sqlite"
      );
    };
  # web-apps/writefreely.nix
  writefreely =
    service:
    when (service.database.type or gone == "sqlite3") {
      writefreely = below (service.stateDir or gone) (
        service.settings.database.filename or "writefreely.db"
      );
    };
}
