# The services of nixpkgs that keep their data in SQLite files. A row is a function from the options of
# an enabled service to the files that it uses, by the name of their database; there are none where the
# service is set to another engine. A file is its path, or the path with
#
# - `service`, the systemd service that it belongs to, where that is not called like the NixOS service,
#   and null where no unit runs as the owner of the file; `user` then names the owner;
# - `stoppedServices`, the systemd services that use the file, where that is not `service` alone; setups that
#   bring an older database up to date are among them. systemd stops what needs these services with them, and
#   dump-database-restore their timers;
# - `doubt`, the option that may name another database, if it is set to what cannot be known here.
#
# Each row names the module that it was read from, below nixos/modules/services, and was read in one
# tree of the middle of 2026: commit 4aa6836a648c of github.com/Swarsel/nixpkgs, a fork that sorts the
# attributes of nixpkgs. Where the module does not name the file, its name is the program's default.
#
# Every module that nixos/modules/module-list.nix names below services/ (commit 0002b50f7049 of
# github.com/NixOS/nixpkgs) was looked at by its name. Those that may have an SQLite file by default were
# read, and have a row here or a line in ../uncovered-services.nix.
{ lib, config }:
let
  tools = import ./tools.nix lib;
  rowsOf = file: import file { inherit config lib tools; };
in
rowsOf ./a-c.nix
// rowsOf ./d-g.nix
// rowsOf ./h-l.nix
// rowsOf ./m-o.nix
// rowsOf ./p-r.nix
// rowsOf ./s.nix
// rowsOf ./t-z.nix
