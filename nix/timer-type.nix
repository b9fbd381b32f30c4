# The [Timer] section of a unit: a setting has a value or a list of them.
lib:
let
  inherit (lib.types)
    attrsOf
    bool
    either
    int
    listOf
    oneOf
    str
    ;
  value = oneOf [
    bool
    int
    str
  ];
in
attrsOf (either value (listOf value))
