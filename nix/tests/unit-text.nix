# The text of a unit of nixos-26.05 becomes what tests/systemd/units keeps.
{ lib, ... }:
let
  normalise = import ./normalise.nix lib;
  store = name: "${builtins.storeDir}/${lib.fixedWidthString 32 "0" ""}-${name}";
  is = expected: expr: { inherit expr expected; };
in
{
  testWanted =
    is
      ''
        [Unit]
        Description=Dumps
        [Timer]
        OnUnitActiveSec=10m
      ''
      (normalise ''
        [Unit]
        Description=Dumps

        [Timer]
        OnUnitActiveSec=10m

        [Install]
        WantedBy=timers.target
      '');
  testEnvironment = is "[Service]\n" (normalise ''
    [Service]
    Environment="LOCALE_ARCHIVE=${store "glibc-locales-2.42"}/lib/locale/locale-archive"
    Environment="TZDIR=${store "tzdata-2026a"}/share/zoneinfo"
    X-RestartIfChanged=false
  '');
  testPrograms =
    is
      ''
        Environment="PATH=@postgresql@/bin:@coreutils@/bin"
        ExecStart="@bash@/bin/bash" "@status.sh@"
      ''
      (normalise ''
        Environment="PATH=${store "postgresql-and-plugins-17.6"}/bin:${store "coreutils-9.8"}/bin:${store "coreutils-9.8"}/sbin"
        ExecStart="${store "bash-interactive-5.3p3"}/bin/bash" "${store "status.sh"}"
      '');
}
