AS_OWNER = "runuser -u dump-database --"
ALARM = """[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo %i >> /run/alarms'
"""


def make(name: str, content: str) -> None:
    machine.succeed(f"install -d -o dump-database -g dump-database -m 700 /srv/{name}")
    machine.succeed(f"{AS_OWNER} sqlite3 /srv/{name}/{name}.db '{content}'")


machine.wait_for_unit("multi-user.target")
machine.succeed("systemctl stop dump-database.timer")
machine.wait_until_fails("systemctl list-jobs | grep dump-database")
machine.succeed(
    f'echo "{ALARM}" > /run/systemd/system/alarm@.service', "systemctl daemon-reload"
)
make("good", "CREATE TABLE t (x); INSERT INTO t VALUES (1)")
make("locked", "CREATE TABLE t (x)")
machine.succeed(
    "install -d -o dump-database -m 700 /srv/broken",
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

machine.succeed(
    "systemd-run --unit=locker -p KillSignal=SIGKILL --uid=dump-database $(command -v sh) -c "
    "\"(echo 'BEGIN EXCLUSIVE;'; sleep infinity) | $(command -v sqlite3) /srv/locked/locked.db\""
)
machine.wait_until_fails(f"{AS_OWNER} sqlite3 /srv/locked/locked.db 'SELECT * FROM t'")

with subtest("the round dumps the good one and does not wait for the one that hangs"):
    machine.fail("systemctl start dump-database.service")
    machine.succeed("dump-database verify /var/lib/dump-database/good")
    machine.succeed("systemctl show -P ActiveState dump-database-locked | grep -x activating")
    machine.wait_until_succeeds("grep -x dump-database.service /run/alarms")

with subtest("the timer goes on: more rounds, more dumps of the good one"):
    machine.succeed("systemctl start dump-database.timer")
    machine.wait_until_succeeds("test $(ls /var/lib/dump-database/good/*.gz | wc -l) -ge 3")

with subtest("the one that hung is dumped as soon as it can be"):
    machine.succeed("systemctl stop locker")
    machine.wait_until_succeeds("dump-database list /var/lib/dump-database/locked | grep locked")
