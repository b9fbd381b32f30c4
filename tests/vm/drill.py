LEAVES = "/var/lib/dump-database/notes /var/lib/dump-database/postgresql"
AS_SERVER = "runuser -u postgres --"
DRILLED = "journalctl -o cat -u dump-database-drill-{} | grep 'restored in .* s;'"
DROP_IN = "/run/systemd/system/dump-database-postgresql.service.d"

machine.wait_for_unit("postgresql.target")
machine.wait_for_unit("dump-database-drill.timer")
machine.succeed("systemctl stop dump-database.timer dump-database-drill.timer")
machine.succeed(
    "install -d -o dump-database -g dump-database -m 700 /srv/notes",
    "runuser -u dump-database -- sqlite3 /srv/notes/notes.db "
    "'PRAGMA journal_mode = WAL; CREATE TABLE note (text); INSERT INTO note VALUES (42)'",
    f"{AS_SERVER} createdb shop",
    f"{AS_SERVER} psql -v ON_ERROR_STOP=1 shop -c "
    "'CREATE TABLE sale (id serial PRIMARY KEY); INSERT INTO sale SELECT FROM generate_series(1, 1000)'",
    "systemctl start dump-database-notes dump-database-postgresql",
)

with subtest("the drill restores each database"):
    machine.succeed("systemctl start dump-database-drill")
    for database in ("notes", "postgresql"):
        machine.succeed(f"systemctl show -P Result dump-database-drill-{database} | grep -x success")
        machine.wait_until_succeeds(DRILLED.format(database))
    machine.succeed(f"dump-database status {LEAVES}")
    # Nothing is left behind, and no directory made where there is no dump.
    machine.fail("find /var/cache/dump-database-drill/ -mindepth 2 | grep .")
    machine.fail("test -e /var/lib/dump-database/unborn")

with subtest("a dump that verifies but does not restore fails its drill alone"):
    environment = machine.succeed("systemctl show -P Environment dump-database-postgresql")
    path = next(word[5:] for word in environment.split() if word.startswith("PATH="))
    machine.succeed(
        f"mkdir -p {DROP_IN}",
        f"printf '[Service]\\nEnvironment=PATH=/etc/drill:{path}\\n' >{DROP_IN}/planted.conf",
        "systemctl daemon-reload",
        "systemctl start dump-database-postgresql",
        "dump-database verify /var/lib/dump-database/postgresql",
    )
    machine.succeed("systemctl start dump-database-drill")
    for database, result in (("postgresql", "exit-code"), ("notes", "success")):
        machine.succeed(f"systemctl show -P Result dump-database-drill-{database} | grep -x {result}")

with subtest("the status says so"):
    machine.fail("systemctl start dump-database")
    machine.wait_until_succeeds("journalctl -o cat -u dump-database | grep 'shop .*the last drill failed: '")

with subtest("what a dump runs while it is restored does not reach the server that was dumped"):
    machine.succeed(
        f"sed -i 's,PATH=/etc/drill:,PATH=/etc/drill/hostile:,' {DROP_IN}/planted.conf",
        "systemctl daemon-reload",
        "systemctl start dump-database-postgresql",
        "zcat /var/lib/dump-database/postgresql/shop-*.gz | grep 'TO PROGRAM.*reached' >/dev/null",
    )
    machine.execute("systemctl start dump-database-drill-postgresql")
    machine.fail(f"{AS_SERVER} psql -c 'TABLE reached'")

with subtest("what a dump runs while it is restored is a user of this drill alone, and sees no more"):
    machine.succeed(
        f"sed -i 's,PATH=/etc/drill/hostile:,PATH=/etc/drill/curious:,' {DROP_IN}/planted.conf",
        "systemctl daemon-reload",
        "systemctl start dump-database-postgresql",
    )
    machine.fail("systemctl start dump-database-drill-postgresql")
    said = machine.wait_until_succeeds(
        "journalctl -o cat -u dump-database-drill-postgresql | grep -o 'curious: [^.]*' | tail -1"
    )
    # The numbers that systemd gives to dynamic users; no group but that, no capability, no socket.
    user, group, *more = said.split()[1:]
    assert 61184 <= int(user) <= 65519 and group == user and more == [], said
    machine.fail(f"find / -xdev -uid {user} | grep .")
