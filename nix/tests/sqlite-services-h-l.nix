# What the rows of sqlite-services/h-l.nix find.
{ lib, ... }:
let
  inherit (import ./rows.nix lib)
    at
    file
    none
    ofUser
    row
    servarr
    serviceOf
    ;
in
{
  testHatsu = at "hatsu" {
    settings.HATSU_DATABASE_URL = "sqlite:///var/lib/hatsu/hatsu.sqlite?mode=rwc";
  } "/var/lib/hatsu/hatsu.sqlite";
  testHatsuOnServer = none "hatsu" { settings.HATSU_DATABASE_URL = "postgres://db/hatsu"; };
  testHeadscale = at "headscale" {
    settings.database = {
      type = "sqlite3";
      sqlite.path = "/var/lib/headscale/db.sqlite";
    };
  } "/var/lib/headscale/db.sqlite";
  testHealthchecks = file "healthchecks" {
    dataDir = "/srv/checks";
    settings = {
      DB = "sqlite";
      DB_NAME = "/srv/checks/healthchecks.sqlite";
    };
  } "/srv/checks/healthchecks.sqlite";
  testHealthchecksOnServer = none "healthchecks" { settings.DB = "postgres"; };
  testHedgedoc = at "hedgedoc" {
    settings.db = {
      dialect = "sqlite";
      storage = "/var/lib/hedgedoc/db.sqlite";
    };
  } "/var/lib/hedgedoc/db.sqlite";
  testHedgedocOnServer = none "hedgedoc" { settings.db.dialect = "postgresql"; };
  testHedgedocByUrl = none "hedgedoc" {
    settings = {
      dbURL = "postgres://db/hedgedoc";
      db = {
        dialect = "sqlite";
        storage = "/var/lib/hedgedoc/db.sqlite";
      };
    };
  };
  testHomeAssistant = file "home-assistant" {
    configDir = "/var/lib/hass";
    config.recorder = null;
  } "/var/lib/hass/home-assistant_v2.db";
  testHomeAssistantByHand = file "home-assistant" {
    configDir = "/var/lib/hass";
    config = null;
  } "/var/lib/hass/home-assistant_v2.db";
  testHomeAssistantElsewhere = file "home-assistant" {
    configDir = "/var/lib/hass";
    config.recorder.db_url = "sqlite:////srv/hass.db";
  } "/srv/hass.db";
  testHomeAssistantRelative = file "home-assistant" {
    configDir = "/var/lib/hass";
    config.recorder.db_url = "sqlite:///hass.db";
  } "/var/lib/hass/hass.db";
  testHomeAssistantSecret =
    row "home-assistant"
      {
        configDir = "/var/lib/hass";
        config.recorder.db_url = "!secret recorder";
      }
      {
        home-assistant = {
          file = "/var/lib/hass/home-assistant_v2.db";
          doubt = "config.recorder.db_url";
        };
      };
  testHomebox = at "homebox" {
    settings = {
      HBOX_DATABASE_DRIVER = "sqlite3";
      HBOX_DATABASE_SQLITE_PATH = "/var/lib/homebox/data/homebox.db?_pragma=busy_timeout=999&_pragma=journal_mode=WAL&_fk=1";
    };
  } "/var/lib/homebox/data/homebox.db";
  testHomeboxOnServer = none "homebox" { settings.HBOX_DATABASE_DRIVER = "postgres"; };
  testHonk = at "honk" { } "/var/lib/honk/*.db";
  testIsso = at "isso" { settings.general.dbpath = "/srv/comments.db"; } "/srv/comments.db";
  testJellyfin = at "jellyfin" { dataDir = "/srv/jellyfin"; } "/srv/jellyfin/data/jellyfin.db";
  testJupyterhub = at "jupyterhub" {
    extraConfig = "";
    stateDirectory = "hub";
  } "/var/lib/hub/jupyterhub.sqlite";
  testJupyterhubElsewhere = none "jupyterhub" { extraConfig = "c.JupyterHub.db_url = '...'"; };
  testKanboard = ofUser "kanboard" {
    dataDir = "/srv/kanboard";
    user = "kanboard";
  } "kanboard" "/srv/kanboard/db.sqlite";
  testKanboardOnServer = none "kanboard" { settings.DB_DRIVER = "postgres"; };
  testKanidm = at "kanidm" {
    server.settings.db_path = "/var/lib/kanidm/kanidm.db";
  } "/var/lib/kanidm/kanidm.db";
  testKarakeep = serviceOf "karakeep" { } "karakeep-web" "/var/lib/karakeep/db.db";
  testKavita = at "kavita" { dataDir = "/srv/kavita"; } "/srv/kavita/config/kavita.db";
  testKomga = at "komga" { stateDir = "/srv/komga"; } "/srv/komga/database.sqlite";
  testKomgaElsewhere = at "komga" {
    stateDir = "/var/lib/komga";
    settings.komga.database.file = "/srv/komga.sqlite";
  } "/srv/komga.sqlite";
  testLidarr = servarr "lidarr" "lidarr.db";
  testLinkding = file "linkding" {
    dataDir = "/var/lib/linkding";
    database.type = "sqlite";
    settings = { };
  } "/var/lib/linkding/db.sqlite3";
  testLinkdingOnServer = none "linkding" { database.type = "postgres"; };
  testLinkdingOnServerBySetting = none "linkding" {
    database.type = "sqlite";
    settings.LD_DB_ENGINE = "postgres";
  };
  testLldap = at "lldap" {
    settings.database_url = "sqlite://./users.db?mode=rwc";
  } "/var/lib/lldap/users.db";
  testLldapWithoutUrl = at "lldap" { settings = { }; } "/var/lib/lldap/users.db";
  testLldapByEnvironment = at "lldap" {
    environment.LLDAP_DATABASE_URL = "sqlite:///srv/lldap.db";
    settings.database_url = "postgres:///lldap";
  } "/srv/lldap.db";
  testHeadphones = at "headphones" { dataDir = "/srv/headphones"; } "/srv/headphones/headphones.db";
  testHeadplane = at "headplane" {
    settings.server.data_path = "/var/lib/headplane";
  } "/var/lib/headplane/hp_persist.db";
}
