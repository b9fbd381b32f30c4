# Timers. An administrator's [Timer] section is merged with a default, and must begin by itself.
lib:
let
  # What starts a unit that has not run since the boot.
  beginning = [
    "OnCalendar"
    "OnBootSec"
    "OnStartupSec"
    "OnActiveSec"
  ];
  isCalendar = key: key == "OnCalendar";
  isInterval =
    key:
    lib.elem key (lib.remove "OnCalendar" beginning)
    || key == "OnUnitActiveSec"
    || key == "OnUnitInactiveSec";
in
{
  inherit beginning;

  # Whether something starts the unit after a boot, however often it ran before.
  begins =
    timerConfig:
    lib.any (
      key:
      !(lib.elem (timerConfig.${key} or "") [
        ""
        [ ]
      ])
    ) beginning;

  # The default, changed key by key. A calendar replaces the intervals, and intervals the calendar:
  # otherwise "hourly" would go on to mean every ten minutes.
  merge =
    default: given:
    let
      names = lib.attrNames given;
      isReplaced =
        key: isInterval key && lib.any isCalendar names || isCalendar key && lib.any isInterval names;
    in
    lib.filterAttrs (key: _: !(isReplaced key)) default // given;

  unit = description: timerConfig: {
    inherit description timerConfig;
    wantedBy = [ "timers.target" ];
  };
}
