LEAF = "/var/lib/dump-database/notes"
PUBLISHED = f"journalctl -u dump-database-notes -o cat | grep '^{LEAF}/notes-.*[.]gz$'"

machine.wait_for_unit("dump-database.timer")

with subtest("a database that does not exist yet is passed over"):
    machine.wait_until_succeeds("journalctl -u dump-database-notes | grep 'condition check'")
    machine.succeed("systemctl show -P Result dump-database-notes | grep -x success")
    machine.fail(f"test -e {LEAF}")

machine.succeed(
    "install -d -o dump-database -g dump-database -m 700 /srv/notes",
    "runuser -u dump-database -- sqlite3 /srv/notes/notes.db "
    "'PRAGMA journal_mode = WAL; CREATE TABLE note (text)'",
)

with subtest("the timer is active and waits between the rounds"):
    machine.wait_until_succeeds("systemctl status dump-database.timer | grep 'active (waiting)'")

with subtest("the timer makes one dump after the other and says so"):
    machine.wait_until_succeeds(f"test $({PUBLISHED} | wc -l) -ge 7")
    machine.wait_until_succeeds("journalctl -u dump-database-notes -o cat | grep 'notes: .* in, .* out'")

machine.succeed("systemctl stop dump-database.timer")
machine.wait_until_fails("systemctl list-jobs | grep dump-database")

with subtest("exactly the five newest remain"):
    newest = machine.succeed(f"{PUBLISHED} | tail -n 5 | sort")
    kept = machine.succeed(f"ls {LEAF}/*.gz | sort")
    assert kept == newest, f"kept:\n{kept}\nthe five newest:\n{newest}"

with subtest("and each of them is whole"):
    machine.succeed(f"gzip -t {LEAF}/*.gz", f"dump-database verify {LEAF}")

with subtest("once there are dumps, a database that is gone is an error"):
    machine.succeed("rm -r /srv/notes")
    machine.fail("systemctl start dump-database-notes")
    machine.wait_until_succeeds("journalctl -u dump-database-notes -o cat | grep 'notes was not dumped'")
    assert machine.succeed(f"ls {LEAF}/*.gz | sort") == kept
