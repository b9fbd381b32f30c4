LEAF = "/var/lib/dump-database/notes"
AS_OWNER = "runuser -u dump-database --"

machine.wait_for_unit("multi-user.target")
machine.succeed("systemctl stop dump-database.timer")
machine.succeed(
    "install -d -o dump-database -g dump-database -m 700 /srv/notes",
    f"install -d -o dump-database -g dump-database -m 700 {LEAF}",
    f"install -o dump-database -m 600 /etc/upgrade/*.gz {LEAF}",
)

with subtest("the old dump is known and whole"):
    listed = machine.succeed(f"dump-database list {LEAF}")
    assert "notes" in listed, listed
    machine.succeed(f"dump-database verify {LEAF}")

with subtest("it restores"):
    machine.succeed(f"{AS_OWNER} dump-database restore {LEAF} /srv/notes/notes.db --name notes")
    rows = machine.succeed("sqlite3 -readonly /srv/notes/notes.db 'SELECT text FROM note'")
    assert rows == "written by 0.1.0\n", rows

with subtest("new dumps join it"):
    machine.succeed("systemctl start dump-database-notes")
    assert machine.succeed(f"ls {LEAF}/*.gz | wc -l") == "2\n"
