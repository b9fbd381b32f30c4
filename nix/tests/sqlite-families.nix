# As sqlite-services.nix, for services that are much alike.
{ lib, ... }:
let
  inherit (import ./rows.nix lib) at row;
  servarr =
    name: database:
    at name { dataDir = "/var/lib/${name}/.config"; } "/var/lib/${name}/.config/${database}";
  bridge =
    name:
    at name {
      settings.database = {
        type = "sqlite3-fk-wal";
        uri = "file:/srv/${name}.db?_txlock=immediate";
      };
    } "/srv/${name}.db";
in
{
  testMautrixDiscord = bridge "mautrix-discord";
  testMautrixSignal = bridge "mautrix-signal";
  testMautrixTelegram = at "mautrix-telegram" {
    settings.appservice.database = "sqlite:////srv/telegram.db";
  } "/srv/telegram.db";
  testMautrixWhatsapp = bridge "mautrix-whatsapp";
  testMautrixMeta =
    row "mautrix-meta"
      {
        instances.facebook = {
          enable = true;
          settings.database = {
            type = "sqlite3-fk-wal";
            uri = "file:/srv/meta.db?_txlock=immediate";
          };
        };
      }
      {
        mautrix-meta-facebook = {
          file = "/srv/meta.db";
          service = "mautrix-meta-facebook";
        };
      };
  testProwlarr = at "prowlarr" { dataDir = "/srv/prowlarr"; } "/var/lib/prowlarr/prowlarr.db";
  testLidarr = servarr "lidarr" "lidarr.db";
  testRadarr = servarr "radarr" "radarr.db";
  testReadarr = servarr "readarr" "readarr.db";
  testSonarr = servarr "sonarr" "sonarr.db";
  testWhisparr = servarr "whisparr" "whisparr*.db";
}
