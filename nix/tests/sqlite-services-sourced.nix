# What each row of sqlite-services-sourced.nix finds, on SQLite and on something else.
{ lib, ... }:
let
  inherit (import ./rows.nix lib) at none row;
  serviceOf =
    name: settings: service: file:
    row name settings { ${name} = { inherit file service; }; };
  ofUser =
    name: settings: user: file:
    row name settings { ${name} = { inherit file user; }; };
in
{
  testAnki = row "anki-sync-server" { users = [ { username = "ada"; } ]; } {
    anki-sync-server-ada = {
      file = "/var/lib/anki-sync-server/ada/collection.anki2";
      service = "anki-sync-server";
    };
  };
  testAtticd = at "atticd" {
    settings.database.url = "sqlite:///var/lib/atticd/server.db?mode=rwc";
  } "/var/lib/atticd/server.db";
  testAtticdOnServer = none "atticd" { settings.database.url = "postgresql:///attic"; };
  testBaikal = ofUser "baikal" { user = "baikal"; } "baikal" "/var/lib/baikal/specific/db/db.sqlite";
  testBazarr = at "bazarr" { dataDir = "/srv/bazarr"; } "/srv/bazarr/db/bazarr.db";
  testCalibreWeb = at "calibre-web" { dataDir = "books"; } "/var/lib/books/app.db";
  testChhotoUrl = at "chhoto-url" { settings.db_url = "/srv/urls.sqlite"; } "/srv/urls.sqlite";
  testDomoticz = at "domoticz" { } "/var/lib/domoticz/domoticz.db";
  testErsatztv = at "ersatztv" { configDir = "/srv/tv"; } "/srv/tv/ersatztv.sqlite3";
  testEtebase = at "etebase-server" {
    dataDir = "/srv/etebase";
    settings.database = {
      engine = "django.db.backends.sqlite3";
      name = "/srv/etebase/db.sqlite3";
    };
  } "/srv/etebase/db.sqlite3";
  testEtebaseOnServer = none "etebase-server" {
    settings.database.engine = "django.db.backends.postgresql";
  };
  testGotify = serviceOf "gotify" {
    stateDirectoryName = "gotify-server";
  } "gotify-server" "/var/lib/gotify-server/data/gotify.db";
  testGotifyOnServer = none "gotify" { environment.GOTIFY_DATABASE_DIALECT = "postgres"; };
  testHomebox = at "homebox" {
    settings.HBOX_DATABASE_SQLITE_PATH = "/var/lib/homebox/data/homebox.db?_pragma=busy_timeout=999&_fk=1";
  } "/var/lib/homebox/data/homebox.db";
  testHomeboxOnServer = none "homebox" { settings.HBOX_DATABASE_DRIVER = "postgres"; };
  testKanboard = ofUser "kanboard" {
    dataDir = "/srv/kanboard";
    user = "kanboard";
  } "kanboard" "/srv/kanboard/db.sqlite";
  testKanboardOnServer = none "kanboard" { settings.DB_DRIVER = "postgres"; };
  testKarakeep = serviceOf "karakeep" { } "karakeep-web" "/var/lib/karakeep/db.db";
  testKomga = at "komga" { stateDir = "/srv/komga"; } "/srv/komga/database.sqlite";
  testLinkding = ofUser "linkding" { } "linkding" "/var/lib/linkding/db.sqlite3";
  testLinkdingOnServer = none "linkding" { database.engine = "postgres"; };
  testMemos = at "memos" { settings.dataDir = "/srv/memos"; } "/srv/memos/memos_prod.db";
  testMemosOnServer = none "memos" { settings.databaseDriver = "postgres"; };
  testMicrobin = at "microbin" {
    dataDir = "/var/lib/microbin";
  } "/var/lib/microbin/microbin_data/database.sqlite";
  testN8n = at "n8n" { } "/var/lib/n8n/.n8n/database.sqlite";
  testN8nOnServer = none "n8n" { environment.DB_TYPE = "postgresdb"; };
  testOpenWebui = at "open-webui" {
    stateDir = "/var/lib/open-webui";
  } "/var/lib/open-webui/webui.db";
  testOpenWebuiElsewhere = at "open-webui" {
    stateDir = "/var/lib/open-webui";
    environment.DATA_DIR = "/srv/webui";
  } "/srv/webui/webui.db";
  testOpenWebuiOnServer = none "open-webui" {
    stateDir = "/var/lib/open-webui";
    environment.DATABASE_URL = "postgresql:///webui";
  };
  testPhotoview = at "photoview" {
    dataDir = "/srv/photos";
    database.type = "sqlite";
  } "/srv/photos/photoview.db";
  testPhotoviewOnServer = none "photoview" { database.type = "mysql"; };
  testPlex = at "plex" {
    dataDir = "/var/lib/plex";
  } "/var/lib/plex/Plex Media Server/Plug-in Support/Databases/com.plexapp.plugins.library.db";
  testRadicle = serviceOf "radicle" { } "radicle-node" "/var/lib/radicle/node/node.db";
  testReadeck = at "readeck" { settings = { }; } "/var/lib/readeck/data/db.sqlite3";
  testReadeckOnServer = none "readeck" { settings.database.source = "postgres:///readeck"; };
  testScrutiny = at "scrutiny" { } "/var/lib/scrutiny/scrutiny.db";
  testSeerr = at "seerr" { configDir = "/var/lib/seerr/"; } "/var/lib/seerr/db/db.sqlite3";
  testSeerrOnServer = none "seerr" { database.type = "postgres"; };
  testShiori = at "shiori" { } "/var/lib/shiori/shiori.db";
  testShioriOnServer = none "shiori" { databaseUrl = "postgres:///shiori"; };
  testTandoor = at "tandoor-recipes" { extraConfig = { }; } "/var/lib/tandoor-recipes/db.sqlite3";
  testTandoorOnServer = none "tandoor-recipes" { database.createLocally = true; };
  testTautulli = at "tautulli" { dataDir = "/srv/tautulli"; } "/srv/tautulli/tautulli.db";
  testTrilium = at "trilium-server" { dataDir = "/srv/trilium"; } "/srv/trilium/document.db";
  testWoodpecker = at "woodpecker-server" { } "/var/lib/woodpecker-server/woodpecker.sqlite";
  testWoodpeckerOnServer = none "woodpecker-server" {
    environment.WOODPECKER_DATABASE_DRIVER = "postgres";
  };
}
