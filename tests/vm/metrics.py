METRICS = "runuser -u nobody -- cat /var/lib/dump-database-metrics/dump-database.prom"
LABELS = 'database="{0}",engine="{1}",directory="/var/lib/dump-database/{0}"'

machine.wait_for_unit("dump-database-metrics.timer")
machine.succeed(
    "systemctl stop dump-database.timer dump-database-metrics.timer",
    "install -d -o dump-database -g dump-database -m 700 /srv/notes",
    "runuser -u dump-database -- sqlite3 /srv/notes/notes.db 'CREATE TABLE note (text)'",
    "systemctl start dump-database-notes dump-database-ledger",
    "systemctl start dump-database-metrics",
)

with subtest("everyone can read when each database was dumped"):
    metrics = machine.succeed(METRICS)
    for database, engine in {"notes": "sqlite", "ledger": "command"}.items():
        labels = LABELS.format(database, engine)
        assert f"dump_database_last_attempt_success{{{labels}}} 1\n" in metrics, metrics
        assert f"dump_database_dumps_kept{{{labels}}} 1\n" in metrics, metrics

with subtest("a failure is a metric and not a failure of the unit"):
    machine.succeed("rm /srv/notes/notes.db")
    machine.fail("systemctl start dump-database-notes")
    machine.succeed("systemctl start dump-database-metrics")
    labels = LABELS.format("notes", "sqlite")
    assert f"dump_database_last_attempt_success{{{labels}}} 0\n" in machine.succeed(METRICS)
