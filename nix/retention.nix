# The retention options, once for every database together and once for each by itself.
{ lib, inherited }:
let
  inherit (lib) mkOption types;
  tier =
    period: example:
    mkOption {
      type = types.nullOr types.ints.unsigned;
      inherit example;
      default = inherited."keep${period}" or null;
      defaultText =
        if inherited == { } then
          null
        else
          lib.literalExpression "config.services.dumpDatabase.keep${period}";
      description =
        let
          periods =
            {
              Hourly = "hours";
              Daily = "days";
              Weekly = "weeks";
              Monthly = "months";
              Yearly = "years";
            }
            .${period};
        in
        ''
          The newest dump of each of this many ${periods} (UTC) is kept, in addition to the newest dumps
          that `keep` counts. Only ${periods} that have a dump count.
        '';
    };
in
{
  keep = mkOption {
    type = types.ints.positive;
    example = 20;
    default = inherited.keep or 5;
    defaultText =
      if inherited == { } then 5 else lib.literalExpression "config.services.dumpDatabase.keep";
    description = "The number of newest dumps to keep.";
  };
  keepHourly = tier "Hourly" 24;
  keepDaily = tier "Daily" 7;
  keepWeekly = tier "Weekly" 4;
  keepMonthly = tier "Monthly" 12;
  keepYearly = tier "Yearly" 3;
}
