# Mistakes in copies and in drills of copies, each with what to write instead: a list of assertions.
{
  cfg,
  lib,
  databases,
  isUnder,
  isVolatile,
  beginsByItself,
}:
let
  destination = import ./destination.nix lib;
  needs = assertion: message: { inherit assertion message; };
  schemes = lib.concatMapStringsSep ", " (scheme: "${scheme}://") destination.schemes;

  isSecret = name: builtins.match ".*(SECRET|TOKEN|PASSWORD|ACCESS_KEY|ACCOUNT_KEY).*" name != null;
  isRecipient = key: builtins.match "age1[0-9a-z]+|ssh-(ed25519|rsa) .+" key != null;

  # Of an entry that is reached as ./destination-options.nix describes it.
  reached = path: to: settings: [
    (needs (destination.isKnown to) ''${path}: "${to}" is none of ${schemes} and the absolute path of a directory.'')
    (needs (!(destination.hasPassword to)) ''
      ${path} holds a password, which would be in the Nix store for everyone to read. Write it into the
      file that storeConfigFile or environmentFile names.'')
    (needs (!(lib.any isSecret (lib.attrNames settings.environment))) ''
      ${path}: its environment holds ${lib.concatStringsSep ", " (lib.filter isSecret (lib.attrNames settings.environment))},
      which would be in the Nix store for everyone to read. Write it into the file that environmentFile
      names.'')
    (needs (
      settings.sshKeyFile == null || lib.hasPrefix "sftp://" to
    ) "${path}: only sftp:// destinations take an sshKeyFile. Remove it.")
  ];

  isName = name: builtins.match "[A-Za-z0-9_][A-Za-z0-9._-]*" name != null;
  named =
    path: name:
    needs (isName name) "${path}: the name becomes that of a unit. Use letters, digits and ._- only.";

  ofCopy =
    name: copy:
    let
      path = "services.dumpDatabase.copies.${name}";
      directory = destination.directory copy.to;
    in
    [
      (named path name)
      (beginsByItself "${path}.timerConfig" copy.timerConfig)
      (needs (databases != { }) "${path}: there is nothing to copy, because nothing is dumped.")
      (needs (copy.host != "") ''
        ${path}.host is empty. Set networking.hostName, or say here what this machine is called in the
        destination.'')
      (needs (lib.all isRecipient copy.recipients) ''${path}.recipients: a recipient is a public key, age1... or "ssh-ed25519 ..." or "ssh-rsa ...".'')
      (needs (directory == null || !(isVolatile directory)) ''
        ${path}.to: copies cannot live in ${toString directory}, which the unit does not see and which the
        system may empty. Use a directory on another disk, such as /mnt/backup/copies.'')
      (needs (
        directory == null || !(isUnder [ cfg.directory ] directory)
      ) "${path}.to: copies cannot live in the directory of the dumps, ${cfg.directory}.")
    ]
    ++ reached "${path}.to" copy.to copy;

  ofDrill =
    name: drill:
    let
      path = "services.dumpDatabase.drills.${name}";
    in
    [
      (named path name)
      (beginsByItself "${path}.timerConfig" drill.timerConfig)
    ]
    ++ reached "${path}.from" drill.from drill;

  twice = lib.filterAttrs (_: names: lib.length names > 1) (
    lib.groupBy (name: cfg.copies.${name}.to) (lib.attrNames cfg.copies)
  );
in
lib.concatLists (lib.mapAttrsToList ofCopy cfg.copies)
++ lib.concatLists (lib.mapAttrsToList ofDrill cfg.drills)
++ lib.mapAttrsToList (
  to: names:
  needs false ''
    services.dumpDatabase.copies: ${lib.concatStringsSep " and " names} have the same destination, ${to}.
    Remove one of them.''
) twice
