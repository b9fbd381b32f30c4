# The tests whose result depends on how fast the machine is while they run. A build shares its machine
# with others, so checks.<system>.tests leaves them out; tests/all runs them. Each compares a time that
# was measured with one that was measured before or with a fixed one.
[
  # How long a writer waited, with how long the dump beside it took.
  "dump::snapshot::a_writer_in_wal_mode_is_never_blocked_nor_torn"
  "dump::snapshot::a_writer_in_rollback_mode_waits_for_the_copy_alone"
  # How long a dump waited for a lock: two seconds asked for, below four.
  "dump::snapshot::waiting_for_a_lock_ends_at_the_deadline_or_a_signal"
  # How long a dump took that was allowed a quarter of the time of the one before.
  "dump::snapshot::the_time_limit_holds_while_a_database_is_checked"
  # Below 15 seconds after four deadlines of 0.3.
  "command_line::bad_input::a_database_locked_past_the_busy_timeout"
  # Below 5 seconds after a signal.
  "dump::stopping::a_run_that_waits_for_a_lock_can_be_stopped"
  # Below one second after a signal or a deadline, in one of five runs.
  "dump::stopping::a_slow_compressor_does_not_keep_a_run_from_stopping"
]
