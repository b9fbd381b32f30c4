{ lib, tools, ... }:
let
  inherit (tools)
    below
    gone
    inUrl
    isSqlite
    orElse
    when
    ;
in
{
  # web-apps/davis.nix
  davis =
    service:
    when (service.database.driver or gone == "sqlite") {
      davis = {
        file = below (service.dataDir or gone) "davis.db";
        service = null;
        user = service.user or gone;
        stoppedServices = [
          "davis-db-migrate"
          "phpfpm-davis"
        ];
        doubt = if service.database.urlFile or gone == null then null else "database.urlFile";
      };
    };
  # networking/deconz.nix
  deconz = _: { deconz = "/var/lib/deconz/.local/share/dresden-elektronik/deCONZ/zll.db"; };
  # matrix/dendrite.nix: a database for each of its parts.
  dendrite =
    service:
    let
      settings = service.settings or gone;
      strings =
        map (part: settings.${part}.database.connection_string or "") [
          "app_service_api"
          "federation_api"
          "key_server"
          "media_api"
          "mscs"
          "relay_api"
          "room_server"
          "sync_api"
        ]
        ++ map (part: settings.user_api.${part}.connection_string or "") [
          "account_database"
          "device_database"
        ]
        ++ [ (settings.global.database.connection_string or "") ];
      files = map (inUrl "/var/lib/dendrite") (lib.filter (lib.hasPrefix "file:") strings);
    in
    lib.listToAttrs (
      map (file: {
        name = "dendrite-${lib.removeSuffix ".db" (baseNameOf file)}";
        value = {
          inherit file;
          service = "dendrite";
        };
      }) files
    );
  # misc/devpi-server.nix: the index; the packages are files beside it.
  devpi-server = _: { devpi-server = "/var/lib/devpi/.sqlite"; };
  # web-apps/dex.nix
  dex =
    service:
    let
      storage = service.settings.storage or { };
      file = storage.config.file or "";
    in
    when (storage.type or null == "sqlite3" && lib.hasPrefix "/" file) { dex = file; };
  # web-apps/docuseal.nix
  docuseal =
    service:
    when (!(service ? extraConfig.DATABASE_HOST || service ? extraConfig.DATABASE_URL)) {
      docuseal = "/var/lib/docuseal/db.sqlite3";
    };
  # misc/domoticz.nix
  domoticz = _: { domoticz = "/var/lib/domoticz/domoticz.db"; };
  # web-apps/drasl.nix
  drasl = service: {
    drasl = below (service.settings.StateDirectory or "/var/lib/drasl") "drasl.db";
  };
  # backup/duplicati.nix: its settings and an index of each backup.
  duplicati = service: { duplicati = below (service.dataDir or gone) "*.sqlite"; };
  # misc/ersatztv.nix
  ersatztv = service: {
    ersatztv = below (service.environment.ETV_CONFIG_FOLDER or "/var/lib/ersatztv/config"
    ) "ersatztv.sqlite3";
  };
  # misc/etebase-server.nix
  etebase-server =
    service:
    let
      database = service.settings.database or gone;
    in
    when (database.engine or gone == "django.db.backends.sqlite3") {
      etebase-server = below (service.dataDir or gone) (database.name or gone);
    };
  # home-automation/evcc.nix: HOME is /var/lib/evcc.
  evcc =
    service:
    let
      database = service.settings.database or { };
    in
    when (isSqlite (database.type or "sqlite")) {
      evcc = below "/var/lib/evcc" (lib.removePrefix "~/" (database.dsn or "~/.evcc/evcc.db"));
    };
  # security/fail2ban.nix
  fail2ban =
    service:
    let
      dbfile = service.daemonSettings.Definition.dbfile or gone;
    in
    when (lib.hasPrefix "/" dbfile) { fail2ban = dbfile; };
  # web-apps/firefly-iii.nix
  firefly-iii =
    service:
    when (service.settings.DB_CONNECTION or gone == "sqlite") {
      firefly-iii = {
        file =
          service.settings.DB_DATABASE
            or (below (service.dataDir or gone) "storage/database/database.sqlite");
        service = "firefly-iii-setup";
        stoppedServices = [
          "firefly-iii-cron"
          "firefly-iii-setup"
          "phpfpm-firefly-iii"
        ];
      };
    };
  # torrent/flexget.nix
  flexget = service: { flexget = below (service.homeDir or gone) "db-flexget.sqlite"; };
  # misc/forgejo.nix
  forgejo =
    service:
    when (service.database.type or gone == "sqlite3") { forgejo = service.database.path or gone; };
  # video/frigate.nix
  frigate = service: { frigate = service.settings.database.path or gone; };
  # web-apps/gancio.nix
  gancio =
    service:
    when (service.settings.db.dialect or gone == "sqlite") {
      gancio = service.settings.db.storage or gone;
    };
  # monitoring/gatus.nix
  gatus =
    service:
    let
      storage = orElse { } (service.settings.storage or null);
    in
    when (storage.type or null == "sqlite" && storage.path or null != null) {
      gatus = below "/" storage.path;
    };
  # development/gemstash.nix
  gemstash =
    service:
    when (isSqlite (orElse "sqlite3" (service.settings.db_adapter or gone))) {
      gemstash = below (service.settings.base_path or gone) "gemstash.db";
    };
  # misc/gitea.nix
  gitea =
    service:
    when (service.database.type or gone == "sqlite3") { gitea = service.database.path or gone; };
  # web-apps/goatcounter.nix
  goatcounter =
    service:
    when
      (!(lib.any (argument: builtins.match "--?db(=.*)?" argument != null) (service.extraArgs or gone)))
      {
        goatcounter = "/var/lib/goatcounter/goatcounter-data/db.sqlite3";
      };
  # networking/gokapi.nix
  gokapi =
    service:
    when (!(service ? settings.DatabaseUrl)) {
      gokapi = below (lib.replaceStrings [ "%S" ] [ "/var/lib" ] (
        service.environment.GOKAPI_DATA_DIR or gone
      )) "gokapi.sqlite";
    };
  # audio/gonic.nix
  gonic = service: { gonic = below "/var/lib/gonic" (service.settings.db-path or "gonic.db"); };
  # web-apps/gotify-server.nix
  gotify =
    service:
    when (service.environment.GOTIFY_DATABASE_DIALECT or "sqlite3" == "sqlite3") {
      gotify = {
        file = below "/var/lib/${service.stateDirectoryName or gone}" (
          service.environment.GOTIFY_DATABASE_CONNECTION or "data/gotify.db"
        );
        service = "gotify-server";
      };
    };
  # web-apps/gotosocial.nix
  gotosocial =
    service:
    when (service.settings.db-type or gone == "sqlite") {
      gotosocial = below "/var/lib/gotosocial" (service.settings.db-address or gone);
    };
  # monitoring/grafana.nix
  grafana =
    service:
    when (service.settings.database.type or gone == "sqlite3") {
      grafana = service.settings.database.path or gone;
    };
  # web-apps/grocy.nix
  grocy = service: {
    grocy = {
      file = below (service.dataDir or gone) "grocy.db";
      service = null;
      user = "grocy";
      stoppedServices = [ "phpfpm-grocy" ];
    };
  };
}
