# A URL is requested after each round, and says whether it was good. It is in no log and no argument.
{
  name = "ping";

  nodes.machine =
    { pkgs, ... }:
    {
      environment.systemPackages = [
        pkgs.perl
        pkgs.sqlite
      ];
      environment.etc.ping.source = ./ping;
      services.dumpDatabase = {
        databases.notes = {
          source = "sqlite:/srv/notes/notes.db";
          user = "dump-database";
        };
        ping.urlFile = "/run/secrets/ping";
        onSuccess = [ "after@%n.service" ];
      };
    };

  testScript = builtins.readFile ./ping.py;
}
