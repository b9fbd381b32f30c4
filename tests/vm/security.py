LIMITS = {
    "dump-database-file": 0.5,
    "dump-database-program": 0.5,
    "dump-database-postgresql": 0.5,
    "dump-database-address": 1.1,
    # Dumps choose how their threads are scheduled, for 0.2.
    "dump-database-named": 1.2,
    "dump-database": 0.6,
    "dump-database-drill": 0.5,
    # They start as root, which becomes a user of this drill alone before it reads a dump.
    "dump-database-drill-file": 2.6,
    "dump-database-drill-postgresql": 2.6,
    "dump-database-drill-named": 2.6,
    "dump-database-metrics": 0.6,
    # It sees every process, and the network's list of sockets.
    "dump-database-survey": 1.6,
    "dump-database-ping": 1.1,
    "dump-database-copy-disk": 0.8,
    "dump-database-copy-away": 1.7,
    "dump-database-drill-copies-away": 3.8,
    "dump-database-restore-file": 0.5,
}

machine.wait_for_unit("multi-user.target")

for unit, limit in LIMITS.items():
    with subtest(f"{unit} scores at most {limit}"):
        report = machine.succeed(f"systemd-analyze security --no-pager {unit}.service")
        score = float(report.rsplit(": ", 1)[1].split()[0])
        print(f"{unit}: {score}")
        assert score <= limit, report
