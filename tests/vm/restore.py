import base64
import re
import zlib

LEAF = "/var/lib/dump-database/keeper"
# sqlite3 makes a file that is not there yet.
ROWS = "test -s /var/lib/keeper/keeper.db && sqlite3 /var/lib/keeper/keeper.db 'SELECT count(*) FROM t'"
OWNER = "stat -c %u:%a /var/lib/private/keeper/keeper.db"
AS_SERVER = "runuser -u postgres --"
RESTORE = "dump-database-restore"


def refuses(arguments: str, why: str) -> None:
    """Checks that the command does nothing, and says why in one line."""
    status, said = machine.execute(f"{RESTORE} {arguments} 2>&1 </dev/null")
    assert status != 0 and why in said, said


def date_later(dump: bytes) -> bytes:
    """Returns the dump with a header that says a time in the next century, as its owner can forge it."""
    start, end = dump.index(b"{"), dump.index(b',"check":"')
    said = re.sub(rb'"time":"20', b'"time":"21', dump[start:end], count=1)
    check = f',"check":"{zlib.crc32(dump[:start] + said):08x}"'.encode()
    return dump[:start] + said + check + dump[end + len(check) :]


machine.wait_for_unit("postgresql.target")
machine.succeed("systemctl start keeper")
machine.wait_until_succeeds(f"{ROWS} | grep -x 1")
machine.succeed("systemctl stop dump-database.timer", "systemctl start dump-database-keeper")
# A second start of the service makes a second row.
machine.succeed("sleep 1.1; date -u +%FT%TZ >/root/before", "systemctl restart keeper")
machine.wait_until_succeeds(f"{ROWS} | grep -x 2")
machine.succeed("sleep 1.1", "systemctl start dump-database-keeper dump-database.timer")

with subtest("what cannot be done is refused before anything stops"):
    pid = machine.succeed("systemctl show -P MainPID keeper")
    refuses("keeper", "no terminal")
    refuses("shop --yes", "there is no database shop; there are: keeper, ledger, postgresql")
    refuses("ledger --yes", "only the program that made its dumps")
    refuses("keeper --before 2001-01-01 --yes", "no dump of keeper before 2001-01-01T00:00:00Z")
    refuses("keeper --before soon --yes", "is not a time")
    refuses("keeper /etc/passwd --yes", "is no dump in")
    status, said = machine.execute(f"runuser -u nobody -- $(command -v {RESTORE}) keeper --yes 2>&1")
    assert status != 0 and "only root" in said, said
    assert machine.succeed("systemctl show -P MainPID keeper") == pid

with subtest("an earlier dump is restored, and the service and the timer run again"):
    machine.succeed("systemctl stop keeper")
    owner = machine.succeed(OWNER)
    machine.succeed("systemctl start keeper")
    machine.wait_until_succeeds(f"{ROWS} | grep -x 3")
    said = machine.succeed(f"{RESTORE} keeper --before $(cat /root/before) --yes")
    assert "stopped:  dump-database.timer keeper.service" in said, said
    assert "started:  dump-database.timer keeper.service" in said, said
    assert re.search("restored .*/keeper-.*gz", said), said
    machine.wait_for_unit("keeper.service")
    machine.succeed("systemctl is-active dump-database.timer")
    # The row of the dump, and that of the service's new start.
    machine.wait_until_succeeds(f"{ROWS} | grep -x 2")
    assert machine.succeed(OWNER).split(":")[1] == owner.split(":")[1], owner
    machine.fail("find /run -name 'dump-database-restore*' | grep .")

with subtest("what was there is saved, and restored by its name"):
    saved = machine.succeed(f"dump-database list --json {LEAF} | grep -B3 replaced | grep -o 'keeper-.*gz'")
    machine.succeed(f"{RESTORE} keeper {saved.strip()} --yes")
    machine.wait_until_succeeds(f"{ROWS} | grep -x 4")
    machine.succeed("systemctl start dump-database-keeper", f"dump-database verify {LEAF}")

with subtest("a restore that fails changes nothing, and the service runs again"):
    machine.wait_until_succeeds(f"{ROWS} | grep -x 4")
    machine.succeed(
        f"for dump in {LEAF}/*.gz; do printf spoiled | dd of=$dump bs=1 seek=4200 conv=notrunc status=none; done"
    )
    status, said = machine.execute(f"{RESTORE} keeper --yes 2>&1")
    assert status == 1 and "the restore failed" in said, said
    machine.wait_for_unit("keeper.service")
    machine.wait_until_succeeds(f"{ROWS} | grep -x 5")
    machine.succeed("systemctl is-active dump-database.timer")

with subtest("a service that was stopped stays so"):
    machine.succeed("systemctl stop keeper", f"rm {LEAF}/*.gz", "systemctl start dump-database-keeper")
    machine.succeed(f"{RESTORE} keeper --yes")
    machine.fail("systemctl is-active keeper")

with subtest("a file that is gone is restored"):
    machine.succeed("rm /var/lib/private/keeper/keeper.db*", f"{RESTORE} keeper --yes", "systemctl start keeper")
    machine.wait_until_succeeds(f"{ROWS} | grep -x 6")

with subtest("a dump that is dated after now is restored only by its name"):
    machine.succeed(f"rm {LEAF}/*.gz", "systemctl start dump-database-keeper")
    (name,) = machine.succeed(f"cd {LEAF} && ls *.gz").split()
    forged = base64.b64encode(date_later(base64.b64decode(machine.succeed(f"base64 {LEAF}/{name}"))))
    later = re.sub("-20", "-21", name, count=1)
    machine.succeed(f"base64 -d >{LEAF}/{later} <<<{forged.decode()}", f"dump-database list {LEAF} | grep {later}")
    said = machine.succeed(f"{RESTORE} keeper --yes")
    assert f"dump:     {name}" in said, said
    said = machine.succeed(f"{RESTORE} keeper {later} --yes")
    assert f"dump:     {later}" in said, said

with subtest("a database of the server"):
    machine.succeed(
        f"{AS_SERVER} createdb 'my shop?'",
        f"{AS_SERVER} psql -qc 'CREATE TABLE sale AS SELECT 42 AS price' 'my shop?'",
        "systemctl start dump-database-postgresql",
        f"{AS_SERVER} psql -qc 'DROP TABLE sale' 'my shop?'",
    )
    refuses("postgresql --yes", "say which with --database: @globals, ")
    machine.succeed(f"{RESTORE} postgresql --database 'my shop?' --yes")
    assert machine.succeed(f"{AS_SERVER} psql -Atc 'SELECT price FROM sale' 'my shop?'") == "42\n"

with subtest("the name of a database does not act on the terminal of root"):
    machine.succeed(
        f"""{AS_SERVER} psql -qc "CREATE DATABASE \\"$(printf 'evil\\033[2J')\\"" """,
        "systemctl start dump-database-postgresql",
    )
    refuses("postgresql --yes", "evil?[2J")
    machine.fail(f"{RESTORE} postgresql --yes 2>&1 </dev/null | grep -q $(printf '\\033')")
