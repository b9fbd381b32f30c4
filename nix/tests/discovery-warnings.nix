# What discovery warns of, and what nixpkgs may remove without ending the evaluation.
{ lib, machine, ... }:
let
  # Which of these texts our warnings of a machine hold, one each.
  warns = texts: module: {
    expr = map (warning: lib.filter (text: lib.hasInfix text warning) texts) (
      lib.filter (lib.hasPrefix "services.dumpDatabase") (machine module).warnings
    );
    expected = map lib.singleton texts;
  };
  # Where nixpkgs has or had the module of such a service, which declares the options that a test replaces.
  modulesOf = name: [
    "services/misc/${name}.nix"
    "services/misc/servarr/${name}.nix"
  ];
in
{
  testDoubt = warns [ "services.pocket-id.credentials.DB_CONNECTION_STRING may name another" ] {
    services.pocket-id = {
      enable = true;
      credentials.DB_CONNECTION_STRING = "/run/secrets/pocket-id";
    };
  };
  testNoDoubt = warns [ ] {
    services.pocket-id = {
      enable = true;
      credentials.DB_CONNECTION_STRING = "/run/secrets/pocket-id";
    };
    services.dumpDatabase.databases.pocket-id.source = "sqlite:/var/lib/pocket-id/data/pocket-id.db";
  };
  testSecretsAreNoDoubt = warns [ ] {
    services.vaultwarden = {
      enable = true;
      environmentFile = "/run/secrets/vaultwarden.env";
    };
  };

  # As nixpkgs does it with what it removes.
  testRemoved =
    let
      config = machine {
        imports = [ (lib.mkRemovedOptionModule [ "services" "readarr" ] "It is gone.") ];
        disabledModules = modulesOf "readarr";
        services.vaultwarden.enable = true;
      };
    in
    {
      expr = lib.attrNames config.services.dumpDatabase.databases;
      expected = [ "vaultwarden" ];
    };
  testRemovedEnable = {
    expr =
      (machine {
        imports = [
          (lib.mkRemovedOptionModule [
            "services"
            "readarr"
            "enable"
          ] "It is gone.")
        ];
        disabledModules = modulesOf "readarr";
      }).services.dumpDatabase.databases;
    expected = { };
  };
  testRemovedSetting = warns [ "services.lidarr has no longer the settings" ] {
    imports = [
      (lib.mkRemovedOptionModule [
        "services"
        "lidarr"
        "dataDir"
      ] "It is gone.")
    ];
    options.services.lidarr.enable = lib.mkEnableOption "lidarr";
    config.services.lidarr.enable = true;
    disabledModules = modulesOf "lidarr";
  };
  # As an option that nixpkgs removes without a word.
  testMissingSetting = warns [ "services.lidarr has no longer the settings" ] {
    options.services.lidarr.enable = lib.mkEnableOption "lidarr";
    config.services.lidarr.enable = true;
    disabledModules = modulesOf "lidarr";
  };
  testForced = warns [ ] {
    services.pocket-id = {
      enable = true;
      credentials.DB_CONNECTION_STRING = "/run/secrets/pocket-id";
    };
    services.dumpDatabase.databases = lib.mkForce { };
  };

  testUncovered = warns [ "services.etcd is enabled, whose data is not dumped" ] {
    services.etcd.enable = true;
  };
  testUncoveredByChoice = warns [ ] {
    services.etcd.enable = true;
    services.dumpDatabase.exclude = [ "etcd" ];
  };
  testUncoveredByHand = warns [ ] {
    services.etcd.enable = true;
    services.dumpDatabase.databases.etcd.command = [ "true" ];
  };
}
