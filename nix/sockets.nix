# Where the servers of this machine listen for local clients, and from which units that is hidden: a unit
# that dumps no local server cannot be a client of one, whatever its user may do there.
{
  config,
  lib,
  source,
  ...
}:
let
  inherit (config) services;
  directories = {
    postgresql = lib.unique (
      [ "/run/postgresql" ]
      ++ lib.filter (lib.hasPrefix "/") (
        map lib.trim (lib.splitString "," (services.postgresql.settings.unix_socket_directories or ""))
      )
    );
    redis = lib.unique (
      map (server: dirOf server.unixSocket) (
        lib.filter (server: server.enable && server.unixSocket != null) (
          lib.attrValues (services.redis.servers or { })
        )
      )
    );
    mysql = lib.unique [
      "/run/mysqld"
      (dirOf (services.mysql.settings.mysqld.socket or "/run/mysqld/mysqld.sock"))
    ];
  };
  isLocal = db: source.isServer db && source.host db == null;
  # A program may be a client of anything; one with a separate user is trusted to be.
  isTrusted = db: source.engine db == "command" && db.user != null;
  paths = engines: map (path: "-${path}") (lib.concatLists (lib.attrValues engines));
in
{
  inherit isLocal;
  all = paths directories;
  hiddenFrom =
    db:
    if isTrusted db then
      [ ]
    else if isLocal db then
      paths (removeAttrs directories [ (source.engine db) ])
    else
      paths directories;
}
