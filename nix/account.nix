# Who a database's dump runs as, and the state directories that come with it.
{
  config,
  lib,
  sockets,
  ...
}:
name: db:
let
  units = config.systemd.services;
  owner =
    if db.service != null && units ? ${db.service} then units.${db.service}.serviceConfig else { };
  isTrue =
    value:
    lib.elem (toString value) [
      "1"
      "true"
      "yes"
      "on"
    ];
  dynamic = db.user == null && isTrue (owner.DynamicUser or false);
  user =
    if db.user != null then
      db.user
    else
      owner.User or (
        if dynamic then
          db.service
        else if db.service != null then
          "root"
        # This user is the superuser of local servers, so it runs nothing else.
        else if sockets.isLocal db then
          "dump-database"
        else
          "dump-database-guest"
      );
  leaf = "dump-database/${name}";
in
{
  inherit dynamic user;
  group =
    if db.group != null then
      db.group
    else if db.user == null then
      owner.Group or null
    else
      null;

  # A dynamic user's files belong to nobody while it is away: only a unit that names the same
  # user and the same directory sees them, and the mode it gives is the one the directory gets.
  stateDirectory =
    lib.optionals dynamic (
      lib.concatMap (lib.splitString " ") (lib.toList (owner.StateDirectory or [ ]))
    )
    ++ [ leaf ];
  stateDirectoryMode = if dynamic then owner.StateDirectoryMode or "0755" else "0700";
}
