# Flags of dump-database, as lists of words.
lib:
let
  inherit (lib) optionals;
  option =
    flag: value:
    optionals (value != null) [
      flag
      (toString value)
    ];
in
{
  inherit option;

  repeated =
    flag: values:
    lib.concatMap (value: [
      flag
      value
    ]) values;

  # The retention policy of a database or a destination.
  retention =
    policy:
    option "--keep" policy.keep
    ++ option "--keep-hourly" policy.keepHourly
    ++ option "--keep-daily" policy.keepDaily
    ++ option "--keep-weekly" policy.keepWeekly
    ++ option "--keep-monthly" policy.keepMonthly
    ++ option "--keep-yearly" policy.keepYearly;
}
