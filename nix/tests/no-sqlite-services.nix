# Rows of services that are set to something else than an SQLite file.
{ lib, ... }:
let
  inherit (import ./rows.nix lib) none;
  names = lib.attrNames (
    import ../sqlite-services {
      inherit lib;
      config = { };
    }
  );
  onPostgresql = {
    type = "postgres";
    path = "/nowhere";
  };
in
{
  testForgejoOnServer = none "forgejo" { database = onPostgresql; };
  testGatusInMemory = none "gatus" { settings = { }; };
  testGatusWithoutStorage = none "gatus" { settings.storage = null; };
  testGatusWithoutPath = none "gatus" { settings.storage.type = "sqlite"; };
  testGiteaOnServer = none "gitea" { database = onPostgresql; };
  testGotosocialOnServer = none "gotosocial" { settings.db-type = "postgres"; };
  testGrafanaOnServer = none "grafana" { settings.database = onPostgresql; };
  testHeadscaleWithoutPath = none "headscale" {
    settings.database = {
      type = "sqlite";
      sqlite.path = null;
    };
  };
  testHeadscaleOnServer = none "headscale" { settings.database = onPostgresql; };
  testHomeAssistantOnServer = none "home-assistant" {
    config.recorder.db_url = "postgresql://@/hass";
  };
  testLldapOnServer = none "lldap" {
    environment.LLDAP_DATABASE_URL = "postgres:///lldap";
    settings = { };
  };
  testMatrixSynapseOnServer = none "matrix-synapse" { settings.database.name = "psycopg2"; };
  testMealieOnServer = none "mealie" { settings.DB_ENGINE = "postgres"; };
  testNextcloudOnServer = none "nextcloud" { config.dbtype = "pgsql"; };
  testPaperlessOnServer = none "paperless" { settings.PAPERLESS_DBHOST = "db"; };
  testPhotoprismOnServer = none "photoprism" { settings.PHOTOPRISM_DATABASE_DRIVER = "mysql"; };
  testPocketIdOnServer = none "pocket-id" { settings.DB_CONNECTION_STRING = "postgres://db/id"; };
  testSeerrOnServer = none "seerr" {
    configDir = "/var/lib/seerr/";
    database = onPostgresql;
  };
  testSonarrOnServer = none "sonarr" { settings.postgres.host = "db"; };
  testUptimeKumaOnServer = none "uptime-kuma" { settings.UPTIME_KUMA_DB_TYPE = "mariadb"; };
  testVaultwardenOnServer = none "vaultwarden" { dbBackend = "mysql"; };
  testVikunjaOnServer = none "vikunja" { database = onPostgresql; };
  testWakapiOnServer = none "wakapi" { settings.db.dialect = "postgres"; };

  testManyRows = {
    expr = lib.length names >= 75;
    expected = true;
  };
  testEveryRowIsTried = {
    expr =
      let
        tested = lib.concatMapStrings builtins.readFile [
          ./no-sqlite-services.nix
          ./sqlite-services-a-c.nix
          ./sqlite-services-d-g.nix
          ./sqlite-services-h-l.nix
          ./sqlite-services-m-o.nix
          ./sqlite-services-p-r.nix
          ./sqlite-services-s-z.nix
        ];
      in
      lib.filter (name: !(lib.hasInfix ''"${name}"'' tested)) names;
    expected = [ ];
  };
  # docs/nixos.md has a section that names the rows, and else only options, in backticks.
  testEveryRowIsDocumented =
    let
      sections = lib.splitString "\n## " (builtins.readFile ../../docs/nixos.md);
      section = lib.findFirst (lib.hasPrefix "Services whose SQLite files are found") "" sections;
      quoted = lib.filter lib.isList (builtins.split "`([^`]*)`" section);
    in
    {
      expr = lib.filter (name: !(lib.hasInfix "." name)) (map lib.head quoted);
      expected = names;
    };
}
