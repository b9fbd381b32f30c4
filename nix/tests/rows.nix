# Rows of the table of services, on attribute sets shaped like the options of nixos-26.05.
lib:
let
  rows = import ../sqlite-services {
    inherit lib;
    config.system.stateVersion = "26.05";
  };
  # The services to stop are tested in ./stopped-services.nix.
  said =
    found:
    if lib.isAttrs found then
      lib.filterAttrs (name: value: value != null && name != "stoppedServices") found
    else
      found;
in
rec {
  row = name: service: expected: {
    expr = lib.mapAttrs (_: said) (rows.${name} service);
    inherit expected;
  };
  none = name: service: row name service { };
  at =
    name: service: path:
    row name service { ${name} = path; };
  file =
    name: service: path:
    row name service { ${name}.file = path; };
  serviceOf =
    name: settings: service: file:
    row name settings { ${name} = { inherit file service; }; };
  ofUser =
    name: settings: user: file:
    row name settings { ${name} = { inherit file user; }; };

  # Services that are much alike.
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
}
