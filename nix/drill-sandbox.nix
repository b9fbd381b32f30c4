# The sandbox of a unit that drills. A drill starts as root, because only root becomes a user that exists
# for one drill alone and shows that user a root directory without dumps and sockets. The program does so
# before it reads what is inside a dump, and gives up all that this unit leaves it.
{ lib, sockets, ... }:
let
  sandbox = import ./sandbox.nix;
in
# The directory below /var/cache where the throwaway databases are.
cache:
lib.mkMerge [
  (lib.mapAttrs (_: lib.mkDefault) sandbox)
  {
    # Reads another user's dumps and records there how the drill ended; becomes the user of the
    # drill, and ends what that user left running.
    CapabilityBoundingSet = [
      "CAP_CHOWN"
      "CAP_DAC_OVERRIDE"
      "CAP_DAC_READ_SEARCH"
      "CAP_KILL"
      "CAP_SETGID"
      "CAP_SETPCAP"
      "CAP_SETUID"
      "CAP_SYS_ADMIN"
      "CAP_SYS_PTRACE"
    ];
    PrivateUsers = false;
    RestrictNamespaces = "ipc mnt net pid";
    SystemCallFilter = sandbox.SystemCallFilter ++ [
      "@chown"
      "@mount"
      "@setuid"
      "capset"
    ];
    # Where systemd locks users that exist for a while; else the program locks its own in /run.
    ReadWritePaths = lib.mkAfter [ "-/run/systemd/dynamic-uid" ];
    RuntimeDirectory = "dump-database-drill";
    RuntimeDirectoryPreserve = true;
    # The program hides the sockets of all servers; the unit does where it cannot.
    InaccessiblePaths = sockets.all;
    CacheDirectory = cache;
    CacheDirectoryMode = "0700";
  }
]
