import base64
import json
import re
import zlib

LEAF = "/var/lib/dump-database/keeper"
# sqlite3 makes a file that is not there yet.
ROWS = "test -s /var/lib/keeper/keeper.db && sqlite3 /var/lib/keeper/keeper.db 'SELECT count(*) FROM t'"
OWNER = "stat -c %u:%a /var/lib/private/keeper/keeper.db"
AS_SERVER = "runuser -u postgres --"
RESTORE = "dump-database-restore"
RUN = "/run/systemd/system"
# What systemd stops with the keeper: units that need it, one directly and one indirectly, and a part of it. A
# timer would start the keeper in the midst of a restore.
UNITS = {
    "keeper-web.service": "[Unit]\nRequires=keeper.service\nAfter=keeper.service\n[Service]\nExecStart={sleep} infinity\n",
    "keeper-page.service": "[Unit]\nBindsTo=keeper-web.service\nAfter=keeper-web.service\n[Service]\nExecStart={sleep} infinity\n",
    "keeper-part.service": "[Unit]\nPartOf=keeper.service\n[Service]\nExecStart={sleep} infinity\n",
    "keeper-idle.service": "[Unit]\nRequires=keeper.service\n[Service]\nExecStart={sleep} infinity\n",
    "keeper-clean.service": "[Unit]\nRequires=keeper.service\n[Service]\nType=oneshot\nExecStart={sleep} 0\n",
    "keeper-clean.timer": "[Timer]\nOnCalendar=*:*:*\n",
}
STOPPED = ["keeper.service", "keeper-web.service", "keeper-page.service", "keeper-part.service", "keeper-clean.timer"]


def refuses(arguments: str, why: str) -> None:
    """Checks that the command does nothing, and says why in one line."""
    status, said = machine.execute(f"{RESTORE} {arguments} 2>&1 </dev/null")
    assert status != 0 and why in said, said


def list_regular() -> list[str]:
    """Returns the names of the dumps of the keeper, newest first, without those that a restore saved."""
    rows: list[dict[str, str]] = json.loads(machine.succeed(f"dump-database list --json {LEAF}"))
    return [row["path"].rsplit("/", 1)[1] for row in rows if row["kind"] == "regular"]


def spoil(dumps: str) -> None:
    """Damages dumps inside, where a list does not look."""
    machine.succeed(
        f"for dump in {dumps}; do printf spoiled | dd of=$dump bs=1 seek=4200 conv=notrunc status=none; done"
    )


def list_named(said: str, what: str) -> list[str]:
    """Returns the units of a line of what the command said."""
    line = re.search(rf"^{what}: +(.*)$", said, re.MULTILINE)
    assert line is not None, said
    return line[1].split()


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

with subtest("what is stopped with the service is started again, and nothing else"):
    sleep = machine.succeed("command -v sleep").strip()
    for unit, text in UNITS.items():
        machine.succeed(f"cat >{RUN}/{unit} <<'END'\n{text.format(sleep=sleep)}END")
    # The newest dump has four rows, and each start of the keeper adds one.
    machine.succeed("systemctl daemon-reload", "systemctl start keeper-page keeper-part keeper-clean.timer")
    machine.wait_until_succeeds(f"{ROWS} | grep -x 4")
    pids = {unit: machine.succeed(f"systemctl show -P MainPID {unit}") for unit in STOPPED}
    said = machine.succeed(f"{RESTORE} keeper --yes")
    expected = {*STOPPED, "dump-database.timer"}
    assert set(list_named(said, "stopped")) == set(list_named(said, "started")) == expected, said
    # Each starts after what it needs.
    order = [unit for unit in list_named(said, "started") if unit in STOPPED[:3]]
    assert order == STOPPED[:3], said
    for unit in STOPPED:
        machine.succeed(f"systemctl is-active {unit}")
        again = machine.succeed(f"systemctl show -P MainPID {unit}")
        assert unit.endswith(".timer") or again not in (pids[unit], "0\n"), (unit, again)
    machine.fail("systemctl is-active keeper-idle")
    machine.wait_until_succeeds(f"{ROWS} | grep -x 5")
    machine.succeed(f"systemctl stop {' '.join(STOPPED[1:])}", f"rm {RUN}/keeper-*", "systemctl daemon-reload")

with subtest("a dump that is damaged inside is passed over, before anything stops"):
    machine.succeed("systemctl start dump-database-keeper")
    newest, before, *_ = list_regular()
    spoil(f"{LEAF}/{newest}")
    machine.succeed("systemctl restart keeper")
    machine.wait_until_succeeds(f"{ROWS} | grep -x 6")
    pid = machine.succeed("systemctl show -P MainPID keeper")
    refuses(f"keeper {newest} --yes", f"passed over: {LEAF}/{newest}: bad: ")
    refuses(f"keeper {newest} --yes", "no dump to restore is good; nothing was stopped")
    assert machine.succeed("systemctl show -P MainPID keeper") == pid
    said = machine.succeed(f"{RESTORE} keeper --yes 2>&1")
    assert f"passed over: {LEAF}/{newest}: bad: " in said and f"dump:     {before}" in said, said
    # The four rows of the dump before, and that of the service's new start.
    machine.wait_until_succeeds(f"{ROWS} | grep -x 5")

with subtest("a restore that fails changes nothing, and the service runs again"):
    hold = "(echo 'BEGIN; SELECT count(*) FROM t;'; exec sleep infinity) | exec sqlite3 /var/lib/private/keeper/keeper.db"
    machine.succeed(f"systemd-run --quiet --unit=holder -- $(command -v bash) -c \"PATH=$PATH; {hold}\"")
    machine.wait_until_succeeds("ls -l /proc/[0-9]*/fd 2>/dev/null | grep keeper.db-wal")
    status, said = machine.execute(f"{RESTORE} keeper --yes 2>&1")
    assert status == 1 and "the restore failed" in said and "locked by another program" in said, said
    machine.succeed("systemctl stop holder")
    machine.wait_for_unit("keeper.service")
    machine.wait_until_succeeds(f"{ROWS} | grep -x 6")
    machine.succeed("systemctl is-active dump-database.timer")

with subtest("nothing is stopped where no dump is good"):
    spoil(f"{LEAF}/*.gz")
    pid = machine.succeed("systemctl show -P MainPID keeper")
    refuses("keeper --yes", "no dump to restore is good; nothing was stopped")
    assert machine.succeed("systemctl show -P MainPID keeper") == pid

with subtest("a service that was stopped stays so"):
    machine.succeed("systemctl stop keeper", f"rm {LEAF}/*.gz", "systemctl start dump-database-keeper")
    machine.succeed(f"{RESTORE} keeper --yes")
    machine.fail("systemctl is-active keeper")

with subtest("a file that is gone is restored"):
    machine.succeed("rm /var/lib/private/keeper/keeper.db*", f"{RESTORE} keeper --yes", "systemctl start keeper")
    machine.wait_until_succeeds(f"{ROWS} | grep -x 7")

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
