# Whether a pg_hba.conf lets the dump in as the superuser, through the identity map `postgres`: for
# each database the first line that fits decides.
lib: text:
let
  words =
    line:
    lib.filter (word: word != "") (
      lib.splitString " " (lib.replaceStrings [ "\t" ] [ " " ] (lib.head (lib.splitString "#" line)))
    );
  lines = lib.filter (line: lib.length line >= 4 && lib.head line == "local") (
    map words (lib.splitString "\n" text)
  );
  names =
    column: line:
    map (lib.replaceStrings [ ''"'' ] [ "" ]) (lib.splitString "," (lib.elemAt line column));
  databases = names 1;
  # Of a group or a pattern nobody knows here whether the superuser is in it.
  isForSuperuser =
    line: lib.any (user: builtins.match "all|postgres|[+/].*" user != null) (names 2 line);
  isForDumps = line: isForSuperuser line && databases line != [ "replication" ];
  isForAll = line: lib.elem "all" (databases line);
  admits =
    line:
    lib.elemAt line 3 == "trust"
    || lib.elemAt line 3 == "peer" && lib.elem "map=postgres" (lib.drop 4 line);

  deciding = lib.filter isForDumps lines;
  refusing = lib.lists.findFirstIndex (line: !(admits line)) (lib.length deciding) deciding;
  admitting = lib.lists.findFirstIndex (line: isForAll line && admits line) null deciding;
in
admitting != null && admitting < refusing
