# A timer's unit from its [Timer] section.
timerConfig: {
  wantedBy = [ "timers.target" ];
  timerConfig = {
    AccuracySec = "1s";
  }
  // timerConfig;
}
