{ lib, tools, ... }:
let
  inherit (tools)
    below
    gone
    inSqlalchemyUrl
    instances
    inUrl
    isSqlite
    when
    ;
in
{
  # networking/acme-dns.nix
  acme-dns =
    service:
    let
      database = service.settings.database or { };
    in
    when (isSqlite (database.engine or "sqlite")) {
      acme-dns = below "/var/lib/acme-dns" (database.connection or "acme-dns.db");
    };
  # web-apps/actual.nix
  actual = service: {
    actual-account = below (service.settings.serverFiles or gone) "account.sqlite";
    actual-budgets = below (service.settings.userFiles or gone) "*.sqlite";
  };
  # misc/anki-sync-server.nix
  anki-sync-server =
    service:
    let
      directory = lib.replaceStrings [ "%S" "%N" ] [ "/var/lib" "anki-sync-server" ] (
        service.baseDirectory or gone
      );
    in
    lib.listToAttrs (
      map
        (user: {
          name = "anki-sync-server-${user.username}";
          value = {
            file = below directory "${user.username}/collection.anki2";
            service = "anki-sync-server";
          };
        })
        (lib.filter (user: builtins.match "[A-Za-z0-9._-]+" user.username != null) (service.users or gone))
    );
  # web-apps/artalk.nix
  artalk =
    service:
    let
      database = service.settings.db or { };
    in
    when (database.type or "sqlite" == "sqlite") {
      artalk = below (service.workdir or gone) (database.file or "data/artalk.db");
    };
  # networking/asterisk.nix; it drops its privileges itself
  asterisk = _: {
    asterisk = {
      file = "/var/lib/asterisk/astdb.sqlite3";
      user = "asterisk";
    };
  };
  # networking/atticd.nix
  atticd =
    service:
    let
      url = service.settings.database.url or gone;
    in
    when (isSqlite url) { atticd = inUrl "/" url; };
  # web-apps/audiobookshelf.nix
  audiobookshelf = service: {
    audiobookshelf = below (below "/var/lib" (service.dataDir or gone)) "config/absdatabase.sqlite";
  };
  # security/authelia.nix
  authelia = instances "authelia" (
    name: instance:
    let
      path = instance.settings.storage.local.path or null;
    in
    when (path != null) { ${name} = path; }
  );
  # misc/autobrr.nix
  autobrr =
    service:
    when (isSqlite (service.settings.databaseType or "sqlite")) {
      autobrr = "/var/lib/autobrr/autobrr.db";
    };
  # web-apps/baikal.nix
  baikal = service: {
    baikal = {
      file = "/var/lib/baikal/specific/db/db.sqlite";
      service = null;
      user = service.user or gone;
      stoppedServices = [ "phpfpm-${service.pool or "baikal"}" ];
    };
  };
  # misc/bazarr.nix
  bazarr = service: { bazarr = below (service.dataDir or gone) "db/bazarr.db"; };
  # monitoring/beszel-hub.nix: PocketBase keeps its logs in another file.
  beszel = service: {
    beszel = {
      file = below (service.hub.dataDir or gone) "beszel_data/data.db";
      service = "beszel-hub";
    };
  };
  # networking/biboumi.nix
  biboumi =
    service:
    let
      name = service.settings.db_name or gone;
      secret = name == null;
    in
    when (secret || !(lib.hasPrefix "postgres" name)) {
      biboumi = {
        file = if secret then "/var/lib/biboumi/biboumi.sqlite" else below "/var/lib/biboumi" name;
        doubt = if secret then "credentialsFile" else null;
      };
    };
  # web-apps/bluesky-pds.nix: the accounts and the sequence of events; ../uncovered-services.nix has the rest.
  bluesky-pds =
    service:
    let
      directory = service.settings.PDS_DATA_DIRECTORY or gone;
      at = file: {
        file = below directory file;
        service = "bluesky-pds";
      };
    in
    {
      bluesky-pds-account = at "account.sqlite";
      bluesky-pds-sequencer = at "sequencer.sqlite";
    };
  # continuous-integration/buildbot/master.nix
  buildbot-master =
    service:
    let
      url = service.dbUrl or gone;
    in
    when (isSqlite url) { buildbot-master = inSqlalchemyUrl (service.buildbotDir or gone) url; };
  # misc/calibre-server.nix
  calibre-server =
    service:
    lib.listToAttrs (
      lib.imap1 (number: library: {
        name = if number == 1 then "calibre-server" else "calibre-server-${toString number}";
        value = {
          file = below "/" "${toString library}/metadata.db";
          service = "calibre-server";
        };
      }) (service.libraries or gone)
    );
  # web-apps/calibre-web.nix
  calibre-web = service: {
    calibre-web = below (below "/var/lib" (service.dataDir or gone)) "app.db";
  };
  # web-apps/chhoto-url.nix
  chhoto-url = service: { chhoto-url = service.settings.db_url or gone; };
  # web-apps/cocoon.nix
  cocoon =
    service:
    when (service.settings.COCOON_DB_TYPE or gone == "sqlite") {
      cocoon = service.settings.COCOON_DB_NAME or gone;
    };
  # torrent/cross-seed.nix
  cross-seed = service: { cross-seed = below (service.configDir or gone) "cross-seed.db"; };
  # security/crowdsec.nix
  crowdsec =
    service:
    let
      database = service.settings.general.db_config or gone;
    in
    when (database.type or gone == "sqlite") { crowdsec = database.db_path or gone; };
}
