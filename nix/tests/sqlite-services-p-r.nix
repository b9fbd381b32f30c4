# What the rows of sqlite-services/p-r.nix find.
{ lib, ... }:
let
  inherit (import ./rows.nix lib)
    at
    file
    none
    row
    servarr
    serviceOf
    ;
in
{
  testPangolin = at "pangolin" { dataDir = "/srv/pangolin"; } "/srv/pangolin/config/db/db.sqlite";
  testPantalaimon =
    row "pantalaimon-headless" { instances.home.dataPath = "/var/lib/pantalaimon-home"; }
      {
        pantalaimon-home = {
          file = "/var/lib/pantalaimon-home/pan.db";
          service = "pantalaimon-home";
        };
      };
  testPaperless =
    row "paperless"
      {
        dataDir = "/var/lib/paperless";
        settings = { };
      }
      {
        paperless = {
          file = "/var/lib/paperless/db.sqlite3";
          service = "paperless-scheduler";
        };
      };
  testPgadmin = at "pgadmin" { settings = { }; } "/var/lib/pgadmin/pgadmin4.db";
  testPgadminElsewhere = at "pgadmin" { settings.DATA_DIR = "/srv/pg"; } "/srv/pg/pgadmin4.db";
  testPgadminOnServer = none "pgadmin" { settings.CONFIG_DATABASE_URI = "postgresql://db/pgadmin"; };
  testPhotoprism = at "photoprism" {
    storagePath = "/var/lib/photoprism";
    settings = { };
  } "/var/lib/photoprism/index.db";
  testPhotoprismNamed = at "photoprism" {
    storagePath = "/var/lib/photoprism";
    settings = {
      PHOTOPRISM_DATABASE_DRIVER = "sqlite3";
      PHOTOPRISM_DATABASE_DSN = "/srv/photos.db?_busy_timeout=5000";
    };
  } "/srv/photos.db";
  testPhotoview = at "photoview" {
    dataDir = "/srv/photos";
    database.type = "sqlite";
  } "/srv/photos/photoview.db";
  testPhotoviewOnServer = none "photoview" { database.type = "mysql"; };
  testPihole =
    row "pihole-ftl"
      {
        settings.files = {
          gravity = "/var/lib/pihole/gravity.db";
          database = "/var/lib/pihole/pihole-FTL.db";
        };
      }
      {
        pihole-ftl = {
          file = "/var/lib/pihole/gravity.db";
          service = "pihole-ftl";
        };
        pihole-ftl-queries = {
          file = "/var/lib/pihole/pihole-FTL.db";
          service = "pihole-ftl";
        };
      };
  testPinchflat = at "pinchflat" { extraConfig = { }; } "/var/lib/pinchflat/db/pinchflat.db";
  testPlex = at "plex" {
    dataDir = "/var/lib/plex";
  } "/var/lib/plex/Plex Media Server/Plug-in Support/Databases/com.plexapp.plugins.library.db";
  testPlikd = at "plikd" {
    settings.MetadataBackendConfig = {
      Driver = "sqlite3";
      ConnectionString = "/var/lib/plikd/plik.db";
    };
  } "/var/lib/plikd/plik.db";
  testPlikdOnServer = none "plikd" { settings.MetadataBackendConfig.Driver = "postgres"; };
  testPocketId = file "pocket-id" {
    dataDir = "/var/lib/pocket-id";
    settings = { };
  } "/var/lib/pocket-id/data/pocket-id.db";
  testPocketIdElsewhere = file "pocket-id" {
    dataDir = "/var/lib/pocket-id";
    settings.DB_CONNECTION_STRING = "file:/srv/pocket.db?_txlock=immediate";
  } "/srv/pocket.db";
  testPocketIdSecret =
    row "pocket-id"
      {
        dataDir = "/var/lib/pocket-id";
        settings = { };
        credentials.DB_CONNECTION_STRING = "/run/secrets/id";
      }
      {
        pocket-id = {
          file = "/var/lib/pocket-id/data/pocket-id.db";
          doubt = "credentials.DB_CONNECTION_STRING";
        };
      };
  testPodgrab = at "podgrab" { } "/var/lib/podgrab/config/podgrab.db";
  testPolaris = at "polaris" { } "/var/lib/polaris/db.sqlite";
  testPrefect = serviceOf "prefect" {
    database = "sqlite";
  } "prefect-server" "/var/lib/prefect-server/prefect.db";
  testPrefectOnServer = none "prefect" { database = "postgres"; };
  testProwlarr = at "prowlarr" { dataDir = "/srv/prowlarr"; } "/var/lib/prowlarr/prowlarr.db";
  testPykms = at "pykms" { } "/var/lib/pykms/clients.db";
  testQuassel = at "quassel" { dataDir = "/srv/quassel"; } "/srv/quassel/quassel-storage.sqlite";
  testRadarr = servarr "radarr" "radarr.db";
  testRadicle = serviceOf "radicle" { } "radicle-node" "/var/lib/radicle/node/*.db";
  testRadicleCi =
    row "radicle"
      {
        ci.broker = {
          enable = true;
          settings.db = "/var/lib/radicle-ci/ci-broker.db";
        };
      }
      {
        radicle = {
          file = "/var/lib/radicle/node/*.db";
          service = "radicle-node";
        };
        radicle-ci = {
          file = "/var/lib/radicle-ci/ci-broker.db";
          service = "radicle-ci-broker";
        };
      };
  testReadarr = at "readarr" { dataDir = "/var/lib/readarr/"; } "/var/lib/readarr/readarr.db";
  testReadeck = at "readeck" { settings = { }; } "/var/lib/readeck/data/db.sqlite3";
  testReadeckOnServer = none "readeck" { settings.database.source = "postgres:///readeck"; };
  testReadeckElsewhere = at "readeck" {
    settings.main.data_directory = "/srv/readeck";
  } "/srv/readeck/db.sqlite3";
  testReposilite = at "reposilite" {
    workingDirectory = "/srv/maven";
    database = {
      type = "sqlite";
      path = "reposilite.db";
    };
  } "/srv/maven/reposilite.db";
  testReposiliteInMemory = none "reposilite" {
    database = {
      type = "sqlite";
      path = "--temporary";
    };
  };
  testRustdesk = serviceOf "rustdesk-server" {
    signal.enable = true;
  } "rustdesk-signal" "/var/lib/rustdesk/db_v2.sqlite3";
  testRustdeskRelay = none "rustdesk-server" { signal.enable = false; };
  testPapra = at "papra" {
    environment.DATABASE_URL = "file:/srv/papra/db.sqlite";
  } "/srv/papra/db.sqlite";
  testPapraOnServer = none "papra" { environment.DATABASE_URL = "libsql://db"; };
  testPdfding = file "pdfding" { database.type = "sqlite"; } "/var/lib/pdfding/db/db.sqlite3";
  testPdfdingOnServer = none "pdfding" { database.type = "postgres"; };
  testPhotonvision = at "photonvision" { } "/var/lib/photonvision/photon.sqlite";
  testPinnwand = at "pinnwand" {
    settings.database_uri = "sqlite:////var/lib/pinnwand/pinnwand.db";
  } "/var/lib/pinnwand/pinnwand.db";
  testPinnwandInMemory = none "pinnwand" { settings.database_uri = "sqlite:///:memory"; };
  testQui = at "qui" { } "/var/lib/qui/qui.db";
  testRebuilderd = at "rebuilderd" { } "/var/lib/rebuilderd/rebuilderd.db";
  testRustical = at "rustical" {
    settings.data_store.sqlite.db_url = "/var/lib/rustical/db.sqlite3";
  } "/var/lib/rustical/db.sqlite3";
}
