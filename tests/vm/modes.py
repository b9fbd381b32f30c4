LEAF = "/var/lib/dump-database/notes"
AS_OWNER = "runuser -u dump-database --"

machine.wait_for_unit("multi-user.target")
machine.succeed(
    "install -d -o dump-database -g dump-database -m 700 /srv/notes",
    f"{AS_OWNER} sqlite3 /srv/notes/notes.db "
    "'PRAGMA journal_mode = WAL; CREATE TABLE note (text); INSERT INTO note VALUES (42)'",
)
owned = machine.succeed("find /srv/notes -printf '%p %u %m\\n' | sort")
content = machine.succeed("sha256sum /srv/notes/notes.db")
machine.succeed("systemctl start dump-database-notes")

with subtest("the directory is the user's alone"):
    assert machine.succeed(f"stat -c '%U %a' {LEAF}") == "dump-database 700\n"

with subtest("so is each dump"):
    modes = machine.succeed(f"stat -c '%U %a' {LEAF}/*.gz")
    assert set(modes.splitlines()) == {"dump-database 600"}, modes
    machine.fail(f"runuser -u nobody -- cat {LEAF}/*.gz")

with subtest("the parent belongs to root and is open"):
    assert machine.succeed("stat -c '%U %a' /var/lib/dump-database") == "root 755\n"

with subtest("the database is what it was"):
    # A reader of a WAL database makes these two, and may not remove them.
    now = machine.succeed("find /srv/notes ! -name '*-shm' ! -name '*-wal' -printf '%p %u %m\\n' | sort")
    assert now == owned, f"{owned} became {now}"
    assert machine.succeed("sha256sum /srv/notes/notes.db") == content
    owners = machine.succeed("stat -c '%U' /srv/notes/*")
    assert set(owners.split()) == {"dump-database"}, owners
