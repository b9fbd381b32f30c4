# The timer alone makes dumps, of which the five newest stay.
{
  name = "rotation";

  nodes.machine =
    { pkgs, ... }:
    {
      environment.systemPackages = [ pkgs.sqlite ];
      users.users.notes = {
        isSystemUser = true;
        group = "notes";
      };
      users.groups.notes = { };
      systemd.tmpfiles.rules = [ "d /srv/notes 0700 notes notes" ];

      services.dumpDatabase = {
        databases.notes = {
          source = "sqlite:/srv/notes/notes.db";
          user = "notes";
          optional = true;
        };
        timerConfig = {
          OnBootSec = "1s";
          OnUnitActiveSec = "2s";
        };
        roundTimeout = "1s 500ms";
      };
    };

  testScript = builtins.readFile ./rotation.py;
}
