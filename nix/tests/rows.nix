# Rows of the table of services, on attribute sets shaped like the options of nixos-26.05.
lib:
let
  rows =
    import ../sqlite-services.nix {
      inherit lib;
      config.system.stateVersion = "26.05";
    }
    // import ../sqlite-services-sourced.nix { inherit lib; };
  said = found: if lib.isAttrs found then lib.filterAttrs (_: value: value != null) found else found;
in
rec {
  row = name: service: expected: {
    expr = lib.mapAttrs (_: said) (rows.${name} service);
    inherit expected;
  };
  at =
    name: service: path:
    row name service { ${name} = path; };
  file =
    name: service: path:
    row name service { ${name}.file = path; };
  none = name: service: row name service { };
}
