LEAF = "/var/lib/dump-database/notes"
AS_OWNER = "runuser -u dump-database --"
INSERT = "INSERT INTO note SELECT randomblob(1000000)"

machine.wait_for_unit("multi-user.target")
machine.succeed("systemctl stop dump-database.timer")
machine.succeed(
    "install -d -o dump-database -g dump-database -m 700 /srv/notes",
    f"mkdir -p {LEAF}",
    f"mount -t tmpfs -o size=4m tmpfs {LEAF}",
    f"{AS_OWNER} sqlite3 /srv/notes/notes.db 'CREATE TABLE note (data); {INSERT}'",
)

with subtest("there is space for two dumps"):
    machine.succeed("systemctl start dump-database-notes", "systemctl start dump-database-notes")
    before = machine.succeed(f"cd {LEAF} && sha256sum *.gz")
    assert len(before.splitlines()) == 2, before

with subtest("a dump that no longer fits fails and says so"):
    machine.succeed(f"{AS_OWNER} sqlite3 /srv/notes/notes.db '{INSERT}; {INSERT}; {INSERT}'")
    machine.fail("systemctl start dump-database-notes")
    machine.wait_until_succeeds("journalctl -u dump-database-notes -o cat | grep 'MB free'")

with subtest("the old dumps are what they were, and nothing else is left"):
    assert machine.succeed(f"cd {LEAF} && sha256sum *.gz") == before
    machine.fail(f"find {LEAF} -type f -size +100k ! -name '*.gz' | grep .")

with subtest("with space again the next run succeeds"):
    machine.succeed(f"mount -o remount,size=40m {LEAF}", "systemctl start dump-database-notes")
    machine.succeed(f"dump-database verify {LEAF}")
