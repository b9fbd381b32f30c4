AS_OWNER = "runuser -u dump-database --"
ALARM = """[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo %i >> /run/alarms'
"""

machine.wait_for_unit("multi-user.target")
machine.succeed("systemctl stop dump-database.timer")
machine.wait_until_fails("systemctl list-jobs | grep dump-database")
machine.succeed(
    f'echo "{ALARM}" > /run/systemd/system/alarm@.service',
    "systemctl daemon-reload",
    "install -d -o dump-database -g dump-database -m 700 /srv/good /srv/broken",
    f"{AS_OWNER} sqlite3 /srv/good/good.db 'CREATE TABLE t (x)'",
    "head -c 100000 /dev/zero | tr '\\0' x > /srv/broken/broken.db",
    "chown dump-database /srv/broken/broken.db",
)

with subtest("one that fails says why, and calls for help"):
    machine.fail("systemctl start dump-database-broken")
    machine.wait_until_succeeds("journalctl -u dump-database-broken -o cat | grep 'broken was not dumped'")
    machine.wait_until_succeeds("grep -x dump-database-broken.service /run/alarms")
    assert machine.get_unit_property("dump-database-broken.service", "Result") == "exit-code"

with subtest("its leaf holds no dump"):
    machine.fail("ls /var/lib/dump-database/broken/* | grep gz")

with subtest("the round dumps the good one, fails, and calls for help"):
    machine.fail("systemctl start dump-database.service")
    machine.succeed("dump-database verify /var/lib/dump-database/good")
    machine.wait_until_succeeds("grep -x dump-database.service /run/alarms")
