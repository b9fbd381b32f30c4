# The option timerConfig: the [Timer] section of a unit, of which an administrator changes single settings.
lib:
{
  default,
  example,
  description,
}:
let
  timer = import ./timer.nix lib;
in
lib.mkOption {
  type = import ./timer-type.nix lib;
  inherit default example;
  apply = timer.merge default;
  description = ''
    ${description}

    The settings are those of {manpage}`systemd.timer(5)`. Each setting given here replaces the
    default of that setting; `OnCalendar` replaces all default intervals, and an interval replaces
    `OnCalendar`. One of ${lib.concatMapStringsSep ", " (key: "`${key}`") timer.beginning} must be set,
    because otherwise nothing starts the unit after a boot.
  '';
}
