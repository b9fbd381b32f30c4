# What a destination's text says: pure functions of where copies go.
lib:
let
  source = import ./source.nix lib;
  schemes = [
    "s3"
    "gs"
    "az"
    "sftp"
    "webdavs"
    "webdav"
  ];
  # scheme, user, host, all that follows
  split = builtins.match "([a-z0-9]+)://([^/@]*@)?([^/@]*)(/.*)?";
  hostOf =
    authority:
    let
      bracketed = builtins.match "\\[([^]]*)].*" authority;
    in
    if bracketed != null then lib.head bracketed else lib.head (lib.splitString ":" authority);
in
rec {
  inherit schemes;

  # The directory that a destination is, or null for one elsewhere.
  directory =
    to:
    let
      path = lib.removePrefix "file:" to;
    in
    if split path == null && lib.hasPrefix "/" path then
      "/" + lib.concatStringsSep "/" (lib.filter (part: part != "") (lib.splitString "/" path))
    else
      null;

  isKnown = to: directory to != null || split to != null && lib.elem (lib.head (split to)) schemes;

  hasPassword = to: split to != null && lib.hasInfix ":" (toString (builtins.elemAt (split to) 1));

  # The host that is reached, or null where nothing here says it. `environment` may name a store's endpoint.
  host =
    to: environment:
    let
      parts = split to;
      scheme = lib.head parts;
      endpoint = split (
        {
          s3 = environment.AWS_ENDPOINT_URL or "";
          gs = environment.STORAGE_EMULATOR_HOST or "";
          az = environment.AZURE_STORAGE_SERVICE_ENDPOINT or "";
        }
        .${scheme} or ""
      );
    in
    if parts == null then
      null
    else if
      lib.elem scheme [
        "sftp"
        "webdavs"
        "webdav"
      ]
    then
      hostOf (builtins.elemAt parts 2)
    else if endpoint != null then
      hostOf (builtins.elemAt endpoint 2)
    else
      null;

  # What a unit may reach of the network: the host of a destination alone where its address is known, else
  # everything but this machine, where databases listen; its name servers remain.
  network =
    config: to: environment:
    let
      named = host to environment;
      isLocal = address: lib.hasPrefix "127." address || address == "::1";
      resolvers = lib.unique (
        lib.optionals (config.services.resolved.enable or false) [
          "127.0.0.53"
          "127.0.0.54"
        ]
        ++ lib.optionals (config.networking.resolvconf.useLocalResolver or false) [
          "127.0.0.1"
          "::1"
        ]
        ++ lib.filter isLocal config.networking.nameservers
      );
    in
    {
      PrivateNetwork = false;
      RestrictAddressFamilies = [
        "AF_UNIX"
        "AF_INET"
        "AF_INET6"
      ];
    }
    // (
      if named != null && source.isLoopback named then
        { IPAddressAllow = "localhost"; }
      else if named != null && source.isAddress named then
        { IPAddressAllow = named; }
      else
        {
          IPAddressDeny = "localhost";
          IPAddressAllow = lib.mkIf (resolvers != [ ]) resolvers;
        }
    );
}
