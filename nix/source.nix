# What a source's text says: pure functions of one entry of services.dumpDatabase.databases.
lib:
let
  inherit (lib) hasPrefix removePrefix;
  scheme = source: lib.head (builtins.match "([a-z+]+:)?.*" source);
  # authority and parameters of a server's URL, undecoded
  split = source: builtins.match "[a-z+]+://([^/?#]*)(/([^?#]*))?(\\?([^#]*))?(#.*)?" source;
  hostOf =
    source:
    let
      authority = lib.last (lib.splitString "@" (lib.head (split source)));
      bracketed = builtins.match "\\[([^]]*)].*" authority;
    in
    if bracketed != null then lib.head bracketed else lib.head (lib.splitString ":" authority);
  parametersOf =
    source:
    let
      query = builtins.elemAt (split source) 4;
    in
    if query == null then [ ] else lib.splitString "&" query;
  engines = {
    "sqlite:" = "sqlite";
    "postgresql:" = "postgresql";
    "postgres:" = "postgresql";
    "mysql:" = "mysql";
    "mariadb:" = "mysql";
    "redis:" = "redis";
    "rediss:" = "redis";
    "redis+unix:" = "redis";
    "valkey:" = "redis";
    "valkeys:" = "redis";
    "valkey+unix:" = "redis";
  };
in
rec {
  engine =
    db:
    if db.command != null then
      "command"
    else if db.source == null then
      null
    else if hasPrefix "/" db.source then
      "sqlite"
    else
      let
        name = scheme db.source;
        known = if name == null then null else engines.${name} or null;
      in
      # A server's source is a URL; what is not one cannot be taken apart.
      if known == "sqlite" || known == null || split db.source != null then known else null;

  file = db: removePrefix "sqlite:" db.source;

  # Where ProtectHome=true lets nothing be seen.
  isHome =
    path:
    lib.any (home: hasPrefix home path) [
      "/home/"
      "/root/"
      "/run/user/"
    ];

  isGlob = db: engine db == "sqlite" && lib.hasInfix "*" (file db);

  # The host a server is reached at over TCP, or null for a socket of this machine.
  host =
    db:
    let
      given = hostOf db.source;
      byParameter = lib.findFirst (
        p:
        lib.any (name: hasPrefix name p) [
          "host="
          "hostaddr="
        ]
      ) null (parametersOf db.source);
      named = if byParameter == null then null else lib.last (lib.splitString "=" byParameter);
      isSocket = text: hasPrefix "/" text || hasPrefix "%2F" text || hasPrefix "%2f" text;
    in
    if given != "" && !(isSocket given) then
      # MySQL's clients take the socket where one is named, and for "localhost".
      if
        engine db == "mysql"
        && (given == "localhost" || lib.any (hasPrefix "socket=") (parametersOf db.source))
      then
        null
      else
        given
    else if named != null && !(isSocket named) then
      named
    else if engine db == "redis" && !(lib.hasSuffix "+unix:" (scheme db.source)) then
      "localhost"
    else
      null;

  isLoopback =
    host: host == "localhost" || host == "::1" || builtins.match "127(\\.[0-9]+){3}" host != null;

  isAddress =
    host:
    builtins.match "[0-9]+(\\.[0-9]+){3}" host != null
    || builtins.match "[0-9a-fA-F:]*:[0-9a-fA-F:.]*" host != null;

  isServer =
    db:
    lib.elem (engine db) [
      "postgresql"
      "mysql"
      "redis"
    ];

  # Whether a server's URL names one of its databases.
  namesDatabase =
    db:
    !(lib.elem (builtins.elemAt (split db.source) 2) [
      null
      ""
    ])
    || lib.any (hasPrefix "dbname=") (parametersOf db.source);

  hasPassword =
    db:
    db.source != null
    && (
      builtins.match "[a-z+]+://[^/?#@]*:[^/?#]+@.*" db.source != null
      || builtins.match ".*[?&](password|sslpassword)=[^&]+.*" db.source != null
    );
}
