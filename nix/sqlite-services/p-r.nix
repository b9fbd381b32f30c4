{ lib, tools, ... }:
let
  inherit (tools)
    below
    gone
    inSqlalchemyUrl
    inUrl
    isSqlite
    servarr
    when
    ;
in
{
  # networking/pangolin.nix
  pangolin = service: { pangolin = below (service.dataDir or gone) "config/db/db.sqlite"; };
  # matrix/pantalaimon.nix: each instance is enabled by being there.
  pantalaimon-headless =
    service:
    lib.mapAttrs' (
      name: instance:
      lib.nameValuePair "pantalaimon-${name}" {
        file = below (instance.dataPath or gone) "pan.db";
        service = "pantalaimon-${name}";
      }
    ) (service.instances or gone);
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
          stoppedServices = [
            "paperless-consumer"
            "paperless-exporter"
            "paperless-scheduler"
            "paperless-task-queue"
            "paperless-web"
          ];
        };
      };
  # web-apps/papra.nix
  papra =
    service:
    let
      url = service.environment.DATABASE_URL or gone;
    in
    when (lib.hasPrefix "file:" url) { papra = inUrl "/var/lib/papra" url; };
  # web-apps/pdfding.nix
  pdfding =
    service:
    when (service.database.type or gone == "sqlite") {
      pdfding = {
        file = "/var/lib/pdfding/db/db.sqlite3";
        stoppedServices = [
          "pdfding"
          "pdfding-background"
        ];
      };
    };
  # admin/pgadmin.nix
  pgadmin =
    service:
    let
      settings = service.settings or gone;
    in
    when (!(settings ? CONFIG_DATABASE_URI)) {
      pgadmin = settings.SQLITE_PATH or (below (settings.DATA_DIR or "/var/lib/pgadmin") "pgadmin4.db");
    };
  # video/photonvision.nix
  photonvision = _: { photonvision = "/var/lib/photonvision/photon.sqlite"; };
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
  # networking/pihole-ftl.nix: the lists and settings, and the queries.
  pihole-ftl =
    service:
    let
      entry = file: {
        inherit file;
        service = "pihole-ftl";
      };
    in
    {
      pihole-ftl = entry (service.settings.files.gravity or gone);
      pihole-ftl-queries = entry (service.settings.files.database or gone);
    };
  # misc/pinchflat.nix
  pinchflat = service: {
    pinchflat = service.extraConfig.DATABASE_PATH or "/var/lib/pinchflat/db/pinchflat.db";
  };
  # misc/pinnwand.nix
  pinnwand =
    service:
    let
      uri = service.settings.database_uri or gone;
    in
    when (isSqlite uri && !(lib.hasInfix ":memory" uri)) {
      pinnwand = inSqlalchemyUrl "/var/lib/pinnwand" uri;
    };
  # misc/plex.nix
  plex = service: {
    plex = below (service.dataDir or gone
    ) "Plex Media Server/Plug-in Support/Databases/com.plexapp.plugins.library.db";
  };
  # misc/plikd.nix
  plikd =
    service:
    let
      backend = service.settings.MetadataBackendConfig or gone;
    in
    when (backend.Driver or gone == "sqlite3") { plikd = backend.ConnectionString or gone; };
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
  # misc/podgrab.nix
  podgrab = _: { podgrab = "/var/lib/podgrab/config/podgrab.db"; };
  # misc/polaris.nix
  polaris = _: { polaris = "/var/lib/polaris/db.sqlite"; };
  # scheduling/prefect.nix
  prefect =
    service:
    when (service.database or gone == "sqlite") {
      prefect = {
        file = "/var/lib/prefect-server/prefect.db";
        service = "prefect-server";
      };
    };
  # misc/servarr/prowlarr.nix: its data directory is mounted to where a dynamic user's must be.
  prowlarr =
    service: servarr "prowlarr" "prowlarr.db" (service // { dataDir = "/var/lib/prowlarr"; });
  # misc/pykms.nix
  pykms = _: { pykms = "/var/lib/pykms/clients.db"; };
  # networking/quassel.nix: a PostgreSQL database, if its administrator chose one.
  quassel = service: { quassel = below (service.dataDir or gone) "quassel-storage.sqlite"; };
  # torrent/qui.nix
  qui = _: { qui = "/var/lib/qui/qui.db"; };
  # misc/servarr/radarr.nix
  radarr = servarr "radarr" "radarr.db";
  # misc/radicle.nix: which nodes and repositories it follows, what it knows of them, notifications.
  # continuous-integration/radicle/ci-broker.nix
  radicle =
    service:
    {
      radicle = {
        file = "/var/lib/radicle/node/*.db";
        service = "radicle-node";
        stoppedServices = [
          "radicle-httpd"
          "radicle-node"
        ];
      };
    }
    // when (service.ci.broker.enable or false) {
      radicle-ci = {
        file = service.ci.broker.settings.db or gone;
        service = "radicle-ci-broker";
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
  # misc/rebuilderd.nix
  rebuilderd = _: { rebuilderd = "/var/lib/rebuilderd/rebuilderd.db"; };
  # web-apps/reposilite.nix
  reposilite =
    service:
    let
      path = service.database.path or gone;
    in
    when (service.database.type or gone == "sqlite" && path != "--temporary") {
      reposilite = below (service.workingDirectory or gone) path;
    };
  # monitoring/rustdesk-server.nix
  rustdesk-server =
    service:
    when (service.signal.enable or gone) {
      rustdesk-server = {
        file = "/var/lib/rustdesk/db_v2.sqlite3";
        service = "rustdesk-signal";
      };
    };
  # web-apps/rustical.nix
  rustical = service: {
    rustical = inUrl "/var/lib/rustical" (service.settings.data_store.sqlite.db_url or gone);
  };
}
