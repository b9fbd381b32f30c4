"""dump-database-restore of the Debian package, for the instances `notes` and `shop` of tests/systemd/package."""

import json

from machine import Machine

COMMAND = "dump-database-restore"
FILE = "/srv/notes/notes.db"
LEAF = "/var/lib/dump-database/notes"
CONFIGURATION = "/etc/dump-database"
UNITS = "/etc/systemd/system"
# It has the file open, so a restore is refused while it runs.
SERVICE = f"""[Service]
User=notes
ExecStart=/bin/sh -c "(echo 'SELECT count(*) FROM note;'; exec sleep infinity) | exec sqlite3 {FILE}"
"""
DEPENDENT = """[Unit]
Requires=notes.service
After=notes.service
[Service]
ExecStart=sleep infinity
"""
# What cannot be restored, and what the command says.
REFUSED = {
    "SOURCE=mariadb://root@localhost/shop": "of a kind that is restored by hand",
    "SOURCE=postgresql://db.example.org/shop": "on another machine",
    "SOURCE=redis://db.example.org": "on another machine",
    "SOURCE=/srv/notes/*.db": "it is several files",
    "SOURCE=$(touch /root/evaluated)": "of a kind that is restored by hand",
    "DUMP_DATABASE_NAME=ldap": "odd.conf has no SOURCE, and only the program that made its dumps can restore them",
    "SOURCE=/srv/notes/notes.db\nSERVICE=gone.service": "there is no unit gone.service",
    "SOURCE=/srv/notes/notes.db\nDUMP_DATABASE_TO=/srv/dumps": "odd.conf sets DUMP_DATABASE_TO",
    "SOURCE=/srv/notes/notes.db\nSERVICE=*": "there is no unit *",
}


def refuse(machine: Machine, arguments: str, why: str) -> None:
    """Checks that the command does nothing, and says why."""
    status, said = machine.execute(f"{COMMAND} {arguments} 2>&1 </dev/null")
    assert status != 0 and why in said, said


def read_notes(machine: Machine) -> list[str]:
    """Returns what is in the SQLite file."""
    return machine.succeed(f"runuser -u notes -- sqlite3 {FILE} 'SELECT text FROM note'").split()


def write_note(machine: Machine, note: str) -> None:
    """Writes a row of the SQLite file."""
    machine.succeed(f"runuser -u notes -- sqlite3 {FILE} \"INSERT INTO note VALUES ('{note}')\"")


def restore_file(machine: Machine) -> None:
    """An SQLite file of a service whose user alone can write it."""
    machine.succeed(
        f"cat >{UNITS}/notes.service <<'END'\n{SERVICE}END",
        # systemd stops it with the service.
        f"cat >{UNITS}/notes-web.service <<'END'\n{DEPENDENT}END",
        # systemd reads the quotes.
        f"printf '%s\\n' 'SERVICE=\"notes.service\"' >>{CONFIGURATION}/notes.conf",
    )
    write_note(machine, "first")
    machine.succeed(
        "systemctl daemon-reload",
        "systemctl start dump-database@notes.service",
        "date -u +%FT%TZ >/root/before; sleep 1.1",
        # A restore tells nobody that a dump was made, as the second dump does.
        f"printf '[Unit]\\nOnSuccess=told.service\\n[Service]\\nExecStartPost=touch {LEAF}/told\\n'"
        f" >{UNITS}/dump-database@notes.service.d/tell.conf",
        f"printf '[Service]\\nExecStart=touch /root/told\\n' >{UNITS}/told.service",
        "systemctl daemon-reload",
    )
    write_note(machine, "second")
    machine.succeed("systemctl start dump-database@notes.service")
    machine.wait_until_succeeds(f"test -e /root/told && rm /root/told {LEAF}/told")
    write_note(machine, "third")
    owner = machine.succeed(f"stat -c %U:%a {FILE}")
    # The timer of the dumps would make one at once, in the midst of the test.
    machine.succeed("systemctl start notes-web.service dump-database-drill@notes.timer")

    pid = machine.succeed("systemctl show -P MainPID notes.service")
    refuse(machine, "notes", "no terminal")
    refuse(machine, "other --yes", "there is no database other; there are: notes, shop")
    refuse(machine, "../dump-database/notes --yes", "there is no database ../dump-database/notes")
    refuse(machine, "notes --before 2001-01-01 --yes", "no dump of notes before 2001-01-01T00:00:00Z")
    for text, why in REFUSED.items():
        machine.succeed(f"cat >{CONFIGURATION}/odd.conf <<'END'\n{text}\nEND")
        refuse(machine, "odd --yes", why)
    machine.succeed(f"rm {CONFIGURATION}/odd.conf")
    machine.fail("test -e /root/evaluated")
    said = machine.succeed(f"echo no | script -qec '{COMMAND} notes' /dev/null || true")
    assert "Restore?" in said and "nothing was done" in said, said
    assert machine.succeed("systemctl show -P MainPID notes.service") == pid

    said = machine.succeed(f"{COMMAND} notes --yes 2>&1")
    assert "stopped:  dump-database-drill@notes.timer notes.service notes-web.service" in said, said
    assert "started:  dump-database-drill@notes.timer notes.service notes-web.service" in said, said
    assert "restored" in said, said
    machine.succeed("systemctl is-active notes.service notes-web.service dump-database-drill@notes.timer")
    assert machine.succeed("systemctl show -P MainPID notes.service") != pid
    assert read_notes(machine) == ["first", "second"]
    assert machine.succeed(f"stat -c %U:%a {FILE}") == owner
    machine.fail("find /run -name 'dump-database-restore*' | grep .")

    # What was there was saved.
    saved = machine.succeed(f"dump-database list --json {LEAF} | jq -r '.[] | select(.kind == \"replaced\").path'")
    machine.succeed(f"{COMMAND} notes $(basename {saved.strip()}) --yes")
    assert read_notes(machine) == ["first", "second", "third"]
    machine.succeed(f"{COMMAND} notes --before $(cat /root/before) --yes")
    assert read_notes(machine) == ["first"]
    machine.succeed("systemctl is-active notes.service", f"dump-database verify {LEAF}")
    # Nobody was told of a dump.
    machine.fail(f"test -e {LEAF}/told")
    machine.fail("test -e /root/told")

    # A restore that fails changes nothing, and the services run again.
    hold = f"(echo 'BEGIN; SELECT count(*) FROM note;'; exec sleep infinity) | exec sqlite3 {FILE}"
    machine.succeed(f"systemd-run --quiet --unit=holder --uid=notes -- /bin/sh -c \"{hold}\"")
    machine.wait_until_succeeds(
        "ls -l $(sed 's,.*,/proc/&/fd,' /sys/fs/cgroup/system.slice/holder.service/cgroup.procs) | grep notes.db-wal", timeout=60
    )
    refuse(machine, "notes --yes", "the restore failed, and the database is as it was")
    machine.succeed("systemctl stop holder.service")
    machine.succeed("systemctl is-active notes.service notes-web.service dump-database-drill@notes.timer")
    assert read_notes(machine) == ["first"]

    # A dump that is damaged inside is passed over; nothing stops if there is no good one.
    machine.succeed(f"cp -a {LEAF} /root/leaf")
    rows: list[dict[str, str]] = json.loads(machine.succeed(f"dump-database list --json {LEAF}"))
    newest, before = [row["path"] for row in rows if row["kind"] == "regular"][:2]
    spoil = "printf spoiled | dd of=%s bs=1 seek=4200 conv=notrunc status=none"
    machine.succeed(spoil % newest)
    pid = machine.succeed("systemctl show -P MainPID notes.service")
    refuse(machine, f"notes {newest} --yes", "no dump to restore is good; nothing was stopped")
    assert machine.succeed("systemctl show -P MainPID notes.service") == pid
    said = machine.succeed(f"{COMMAND} notes --yes 2>&1")
    assert f"passed over: {newest}: bad: " in said, said
    assert f"dump:     {before.rsplit('/', 1)[1]} " in said, said
    pid = machine.succeed("systemctl show -P MainPID notes.service")
    machine.succeed(f"for dump in {LEAF}/*.gz; do {spoil % '$dump'}; done")
    refuse(machine, "notes --yes", "no dump to restore is good; nothing was stopped")
    assert machine.succeed("systemctl show -P MainPID notes.service") == pid
    machine.succeed(f"rm -r {LEAF}", f"mv /root/leaf {LEAF}")
    machine.succeed(
        "systemctl stop notes-web.service notes.service dump-database-drill@notes.timer",
        f"rm {UNITS}/notes.service {UNITS}/notes-web.service {UNITS}/told.service {UNITS}/dump-database@notes.service.d/tell.conf",
        f"sed -i /SERVICE/d {CONFIGURATION}/notes.conf",
        "systemctl daemon-reload",
    )


def restore_database(machine: Machine) -> None:
    """A database of the PostgreSQL server, whose timer runs."""
    change = "runuser -u postgres -- psql -q shop -c"
    machine.succeed(f"{change} \"UPDATE sale SET note = 'changed'\"")
    said = machine.succeed("systemctl is-active dump-database@shop.timer", f"{COMMAND} shop --yes")
    assert "stopped:  dump-database@shop.timer" in said, said
    machine.succeed("systemctl is-active dump-database@shop.timer")
    assert machine.succeed("runuser -u postgres -- psql -At shop -c 'SELECT note FROM sale'") == "sold\n"
    # The same database, as one of a server.
    drop_ins = f"{UNITS}/dump-database@whole.service.d"
    machine.succeed(
        f"echo SOURCE=postgresql:/// >{CONFIGURATION}/whole.conf",
        f"cp -r {UNITS}/dump-database@shop.service.d {drop_ins}",
        "systemctl daemon-reload",
        "systemctl start dump-database@whole.service",
        f"{change} \"UPDATE sale SET note = 'changed again'\"",
    )
    refuse(machine, "whole --yes", "say which with --database: @globals, postgres, shop")
    refuse(machine, "whole --yes --database @globals", "roles and grants are restored by hand")
    machine.succeed(f"{COMMAND} whole --database shop --yes")
    assert machine.succeed("runuser -u postgres -- psql -At shop -c 'SELECT note FROM sale'") == "sold\n"
    machine.succeed(f"rm -r {CONFIGURATION}/whole.conf {drop_ins} /var/lib/dump-database/whole", "systemctl daemon-reload")


def check_page(machine: Machine) -> None:
    """The man page names what the help names."""
    page = machine.succeed("man 8 dump-database-restore | cat")
    flags = machine.succeed(f"{COMMAND} --help | grep -oE -- '--[a-z]+' | sort -u").split()
    assert len(flags) == 3 and all(flag in page for flag in flags), (flags, page)
