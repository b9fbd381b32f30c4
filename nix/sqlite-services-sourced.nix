# More rows as in ./sqlite-services.nix. Each names the file of nixpkgs it was read from, below
# nixos/modules/services, and that file's revision; the file's name below the data directory is the
# program's own.
{ lib }:
let
  inherit (lib) hasPrefix optionalAttrs;
  inherit (import ./sqlite-path.nix lib) below inUrl;
  when = optionalAttrs;
  orElse = default: value: if value == null then default else value;
in
{
  # misc/anki-sync-server.nix 1403cf114a84
  anki-sync-server =
    service:
    lib.listToAttrs (
      map (user: {
        name = "anki-sync-server-${user.username}";
        value = {
          file = "/var/lib/anki-sync-server/${user.username}/collection.anki2";
          service = "anki-sync-server";
        };
      }) (lib.filter (user: builtins.match "[A-Za-z0-9._-]+" user.username != null) service.users)
    );
  # networking/atticd.nix 2d43f87da257
  atticd =
    service:
    let
      url = service.settings.database.url or "sqlite:///var/lib/atticd/server.db";
    in
    when (hasPrefix "sqlite:" url) { atticd = inUrl "/var/lib/atticd" url; };
  # web-apps/baikal.nix 09023cb3dfb3
  baikal = service: {
    baikal = {
      file = "/var/lib/baikal/specific/db/db.sqlite";
      service = null;
      inherit (service) user;
    };
  };
  # misc/bazarr.nix 0148e16d1446
  bazarr = service: { bazarr = "${service.dataDir or "/var/lib/bazarr"}/db/bazarr.db"; };
  # web-apps/calibre-web.nix 013635633ffe
  calibre-web = service: { calibre-web = "${below "/var/lib" service.dataDir}/app.db"; };
  # web-apps/chhoto-url.nix 15162cff9ee3
  chhoto-url = service: { chhoto-url = service.settings.db_url; };
  # misc/domoticz.nix 14fd976016ae
  domoticz = _: { domoticz = "/var/lib/domoticz/domoticz.db"; };
  # misc/ersatztv.nix 30f2e74e335d
  ersatztv = service: { ersatztv = "${service.configDir}/ersatztv.sqlite3"; };
  # misc/etebase-server.nix 035aa04c1cd0
  etebase-server =
    service:
    let
      inherit (service.settings) database;
    in
    when (database.engine == "django.db.backends.sqlite3") {
      etebase-server = below service.dataDir database.name;
    };
  # web-apps/gotify-server.nix 14fd976016ae
  gotify =
    service:
    let
      environment = service.environment or { };
    in
    when (environment.GOTIFY_DATABASE_DIALECT or "sqlite3" == "sqlite3") {
      gotify = {
        file = below "/var/lib/${service.stateDirectoryName}" (
          environment.GOTIFY_DATABASE_CONNECTION or "data/gotify.db"
        );
        service = "gotify-server";
      };
    };
  # web-apps/homebox.nix 010ad50ee850
  homebox =
    service:
    when (service.settings.HBOX_DATABASE_DRIVER or "sqlite3" == "sqlite3") {
      homebox = inUrl "/var/lib/homebox" (
        service.settings.HBOX_DATABASE_SQLITE_PATH or "data/homebox.db"
      );
    };
  # web-apps/kanboard.nix 1f556032a92d
  kanboard =
    service:
    when (service.settings.DB_DRIVER or "sqlite" == "sqlite") {
      kanboard = {
        file = "${service.dataDir}/db.sqlite";
        service = null;
        inherit (service) user;
      };
    };
  # web-apps/karakeep.nix 1df2d89cd35d
  karakeep = service: {
    karakeep = {
      file = "${service.extraEnvironment.DATA_DIR or "/var/lib/karakeep"}/db.db";
      service = "karakeep-web";
    };
  };
  # web-apps/komga.nix 1a9ac09a919b
  komga = service: { komga = "${service.stateDir}/database.sqlite"; };
  # web-apps/linkding.nix 0c6117d34cb6
  linkding =
    service:
    when (service.database.engine or "sqlite" == "sqlite") {
      linkding = {
        file = below "/var/lib/linkding" (orElse "db.sqlite3" (service.database.database or null));
        service = null;
        user = service.user or "linkding";
      };
    };
  # misc/memos.nix 0b3263cec41d
  memos =
    service:
    when (service.settings.databaseDriver or "sqlite" == "sqlite") {
      memos = below service.settings.dataDir (
        orElse "memos_prod.db" (service.settings.databaseSourceName or null)
      );
    };
  # web-apps/microbin.nix 139cc438d4ac
  microbin = service: {
    microbin = "${
      below service.dataDir (service.settings.MICROBIN_DATA_DIR or "microbin_data")
    }/database.sqlite";
  };
  # misc/n8n.nix 05924f714f31
  n8n =
    service:
    when
      (
        service.settings.database.type or "sqlite" == "sqlite"
        && service.environment.DB_TYPE or "sqlite" == "sqlite"
      )
      {
        n8n = "/var/lib/n8n/.n8n/database.sqlite";
      };
  # misc/open-webui.nix 028584b5481c
  open-webui =
    service:
    let
      environment = service.environment or { };
      folder = below service.stateDir (environment.DATA_DIR or ".");
      url = environment.DATABASE_URL or "sqlite:///${folder}/webui.db";
    in
    when (hasPrefix "sqlite:" url) {
      open-webui = lib.replaceStrings [ "/./" "/.//" ] [ "/" "/" ] (inUrl service.stateDir url);
    };
  # web-apps/photoview.nix 15162cff9ee3
  photoview =
    service:
    when (service.database.type == "sqlite") { photoview = "${service.dataDir}/photoview.db"; };
  # misc/plex.nix 01f31c2ee7d0
  plex = service: {
    plex = "${service.dataDir}/Plex Media Server/Plug-in Support/Databases/com.plexapp.plugins.library.db";
  };
  # misc/radicle.nix 0b73a0c21143
  radicle = _: {
    radicle = {
      file = "/var/lib/radicle/node/node.db";
      service = "radicle-node";
    };
  };
  # web-apps/readeck.nix 0ce5f892e484
  readeck =
    service:
    let
      source = service.settings.database.source or "sqlite3:data/db.sqlite3";
    in
    when (hasPrefix "sqlite3:" source) {
      readeck = inUrl "/var/lib/readeck" (lib.removePrefix "sqlite3:" source);
    };
  # monitoring/scrutiny.nix 00e6b22b508f
  scrutiny = _: { scrutiny = "/var/lib/scrutiny/scrutiny.db"; };
  # misc/seerr.nix 25aa055faf49
  seerr =
    service:
    when (service.database.type or "sqlite" == "sqlite") {
      seerr = "${lib.removeSuffix "/" service.configDir}/db/db.sqlite3";
    };
  # web-apps/shiori.nix 03a362fe87d4
  shiori =
    service:
    when (orElse "sqlite" (service.databaseUrl or null) == "sqlite") {
      shiori = "/var/lib/shiori/shiori.db";
    };
  # misc/tandoor-recipes.nix 0410fd8d04af
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
  # misc/tautulli.nix 0a5487cea0a5
  tautulli = service: { tautulli = "${service.dataDir}/tautulli.db"; };
  # web-apps/trilium.nix 071e0299cb46
  trilium-server = service: { trilium-server = "${service.dataDir}/document.db"; };
  # continuous-integration/woodpecker/server.nix 05924f714f31
  woodpecker-server =
    service:
    when (service.environment.WOODPECKER_DATABASE_DRIVER or "sqlite3" == "sqlite3") {
      woodpecker-server = below "/var/lib/woodpecker-server" (
        service.environment.WOODPECKER_DATABASE_DATASOURCE or "woodpecker.sqlite"
      );
    };
}
