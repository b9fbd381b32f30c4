AS_OWNER = "runuser -u dump-database --"

machine.wait_for_unit("multi-user.target")
machine.succeed("systemctl stop dump-database.timer")
machine.wait_until_fails("systemctl list-jobs | grep dump-database")
for name in ("good", "locked"):
    machine.succeed(
        f"install -d -o dump-database -g dump-database -m 700 /srv/{name}",
        f"{AS_OWNER} sqlite3 /srv/{name}/{name}.db 'CREATE TABLE t (x)'",
    )
machine.succeed(
    "systemd-run --unit=locker -p KillSignal=SIGKILL --uid=dump-database $(command -v sh) -c "
    "\"(echo 'BEGIN EXCLUSIVE;'; $(command -v sleep) infinity) | "
    "$(command -v sqlite3) /srv/locked/locked.db\""
)
machine.wait_until_fails(f"{AS_OWNER} sqlite3 /srv/locked/locked.db 'SELECT * FROM t'")

with subtest("the round dumps the good one and does not wait for the one that hangs"):
    machine.fail("systemctl start dump-database.service")
    machine.wait_until_succeeds("dump-database verify /var/lib/dump-database/good")
    machine.succeed("systemctl show -P ActiveState dump-database-locked | grep -x activating")

with subtest("the timer goes on: more rounds, more dumps of the good one"):
    machine.succeed("systemctl start dump-database.timer")
    machine.wait_until_succeeds("test $(ls /var/lib/dump-database/good/*.gz | wc -l) -ge 3")

with subtest("the one that hung is dumped as soon as it can be"):
    machine.succeed("systemctl stop locker")
    machine.wait_until_succeeds("dump-database list /var/lib/dump-database/locked | grep locked")
