# What the rows of sqlite-services/a-c.nix find.
{ lib, ... }:
let
  inherit (import ./rows.nix lib)
    at
    file
    none
    ofUser
    row
    serviceOf
    ;
in
{
  testActual =
    row "actual"
      {
        settings.serverFiles = "/srv/server";
        settings.userFiles = "/srv/user";
      }
      {
        actual-account = "/srv/server/account.sqlite";
        actual-budgets = "/srv/user/*.sqlite";
      };
  testAnki =
    row "anki-sync-server"
      {
        baseDirectory = "%S/%N";
        users = [
          { username = "ada"; }
          { username = "no name"; }
        ];
      }
      {
        anki-sync-server-ada = {
          file = "/var/lib/anki-sync-server/ada/collection.anki2";
          service = "anki-sync-server";
        };
      };
  testAnkiElsewhere =
    row "anki-sync-server"
      {
        baseDirectory = "/srv/anki";
        users = [ { username = "ada"; } ];
      }
      {
        anki-sync-server-ada = {
          file = "/srv/anki/ada/collection.anki2";
          service = "anki-sync-server";
        };
      };
  testArtalk = at "artalk" {
    workdir = "/var/lib/artalk";
    settings.db.file = "./data/comments.db";
  } "/var/lib/artalk/data/comments.db";
  testArtalkOnServer = none "artalk" { settings.db.type = "pgsql"; };
  testAtticd = at "atticd" {
    settings.database.url = "sqlite:///var/lib/atticd/server.db?mode=rwc";
  } "/var/lib/atticd/server.db";
  testAtticdOnServer = none "atticd" { settings.database.url = "postgresql:///attic"; };
  testAudiobookshelf = at "audiobookshelf" {
    dataDir = "books";
  } "/var/lib/books/config/absdatabase.sqlite";
  testAudiobookshelfElsewhere = at "audiobookshelf" {
    dataDir = "/srv/books";
  } "/srv/books/config/absdatabase.sqlite";
  testAuthelia =
    row "authelia"
      {
        instances = {
          main = {
            enable = true;
            name = "main";
            settings.storage.local.path = "/var/lib/authelia-main/db.sqlite3";
          };
          renamed = {
            enable = true;
            name = "other";
            settings.storage.local.path = "/var/lib/authelia-other/db.sqlite3";
          };
          plain = {
            enable = true;
            name = "";
            settings.storage.local.path = "/var/lib/authelia/db.sqlite3";
          };
          elsewhere = {
            enable = true;
            name = "elsewhere";
            settings.storage.postgres = { };
          };
          off.enable = false;
        };
      }
      {
        authelia-main = {
          file = "/var/lib/authelia-main/db.sqlite3";
          service = "authelia-main";
        };
        authelia-other = {
          file = "/var/lib/authelia-other/db.sqlite3";
          service = "authelia-other";
        };
        authelia = {
          file = "/var/lib/authelia/db.sqlite3";
          service = "authelia";
        };
      };
  testAutobrr = at "autobrr" { settings = { }; } "/var/lib/autobrr/autobrr.db";
  testAutobrrOnServer = none "autobrr" { settings.databaseType = "postgres"; };
  testBaikal = ofUser "baikal" { user = "baikal"; } "baikal" "/var/lib/baikal/specific/db/db.sqlite";
  testBazarr = at "bazarr" { dataDir = "/srv/bazarr"; } "/srv/bazarr/db/bazarr.db";
  testBeszel = serviceOf "beszel" {
    hub.dataDir = "/srv/beszel";
  } "beszel-hub" "/srv/beszel/beszel_data/data.db";
  testBiboumi = file "biboumi" {
    settings.db_name = "/var/lib/biboumi/biboumi.sqlite";
  } "/var/lib/biboumi/biboumi.sqlite";
  testBiboumiSecret = row "biboumi" { settings.db_name = null; } {
    biboumi = {
      file = "/var/lib/biboumi/biboumi.sqlite";
      doubt = "credentialsFile";
    };
  };
  testBiboumiOnServer = none "biboumi" { settings.db_name = "postgresql://db/biboumi"; };
  testBlueskyPds = row "bluesky-pds" { settings.PDS_DATA_DIRECTORY = "/srv/pds"; } {
    bluesky-pds-account = {
      file = "/srv/pds/account.sqlite";
      service = "bluesky-pds";
    };
    bluesky-pds-sequencer = {
      file = "/srv/pds/sequencer.sqlite";
      service = "bluesky-pds";
    };
  };
  testBuildbot = at "buildbot-master" {
    dbUrl = "sqlite:///state.sqlite";
    buildbotDir = "/srv/buildbot";
  } "/srv/buildbot/state.sqlite";
  testBuildbotOnServer = none "buildbot-master" { dbUrl = "postgresql://db/buildbot"; };
  testCalibreWeb = at "calibre-web" { dataDir = "books"; } "/var/lib/books/app.db";
  testChhotoUrl = at "chhoto-url" { settings.db_url = "/srv/urls.sqlite"; } "/srv/urls.sqlite";
  testCocoon = at "cocoon" {
    settings.COCOON_DB_TYPE = "sqlite";
    settings.COCOON_DB_NAME = "/srv/cocoon.db";
  } "/srv/cocoon.db";
  testCocoonOnServer = none "cocoon" { settings.COCOON_DB_TYPE = "postgres"; };
  testCrossSeed = at "cross-seed" { configDir = "/srv/seed"; } "/srv/seed/cross-seed.db";
  testCrowdsec = at "crowdsec" {
    settings.general.db_config = {
      type = "sqlite";
      db_path = "/var/lib/crowdsec/state/crowdsec.db";
    };
  } "/var/lib/crowdsec/state/crowdsec.db";
  testCrowdsecOnServer = none "crowdsec" { settings.general.db_config.type = "postgresql"; };
  testAcmeDns = at "acme-dns" {
    settings.database = {
      engine = "sqlite";
      connection = "/var/lib/acme-dns/acme-dns.db";
    };
  } "/var/lib/acme-dns/acme-dns.db";
  testAcmeDnsOnServer = none "acme-dns" { settings.database.engine = "postgres"; };
  testAsterisk = ofUser "asterisk" { } "asterisk" "/var/lib/asterisk/astdb.sqlite3";
  testCalibreServer =
    row "calibre-server"
      {
        libraries = [
          "/srv/books"
          "/srv/comics"
        ];
      }
      {
        calibre-server = {
          file = "/srv/books/metadata.db";
          service = "calibre-server";
        };
        calibre-server-2 = {
          file = "/srv/comics/metadata.db";
          service = "calibre-server";
        };
      };
}
