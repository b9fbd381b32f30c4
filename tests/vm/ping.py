# The driver's own commands name the first part alone.
PART = "3f2c9a64"
SECRET = f"{PART}-correct-horse"
AFTER = """[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo %i >> /run/after'
"""

machine.wait_for_unit("multi-user.target")
machine.succeed(
    "systemctl stop dump-database.timer",
    f'echo "{AFTER}" > /run/systemd/system/after@.service',
    "systemctl daemon-reload",
    "install -d -m 700 /run/secrets",
    f"(umask 077; echo http://127.0.0.1:8080/{SECRET} > /run/secrets/ping)",
    "install -d -o dump-database -g dump-database -m 700 /srv/notes",
    "runuser -u dump-database -- sqlite3 /srv/notes/notes.db 'CREATE TABLE note (text)'",
    "systemd-run --unit=listener $(command -v perl) /etc/ping/listen.pl 8080 /run/requests",
    "systemd-run --unit=watcher $(command -v sh) -c "
    "\"while :; do $(command -v cat) /proc/[0-9]*/cmdline 2>/dev/null; done >> /run/cmdlines\"",
)

with subtest("a good round requests the URL, and starts what waits for one"):
    machine.succeed("systemctl start dump-database")
    machine.wait_until_succeeds(f"grep '^GET /{PART}-[a-z-]* ' /run/requests")
    machine.wait_until_succeeds("grep -x dump-database.service /run/after")

with subtest("a failed one says so, and starts nothing"):
    machine.succeed("rm /srv/notes/notes.db /var/lib/dump-database/notes/*")
    machine.fail("systemctl start dump-database")
    machine.wait_until_succeeds(f"grep '^GET /{PART}-[a-z-]*/fail ' /run/requests")
    assert machine.succeed("wc -l < /run/after") == "1\n"

with subtest("a URL that does not answer fails the ping alone, and is not told"):
    machine.succeed("systemctl stop listener")
    machine.fail("systemctl start dump-database-ping")
    machine.wait_until_succeeds("journalctl -o cat -u dump-database-ping | grep 'exit status 7'")

with subtest("the URL is in no log and no argument"):
    machine.succeed("systemctl stop watcher", "journalctl --sync", "grep -a curl /run/cmdlines >/dev/null")
    machine.fail(f"grep -a {SECRET} /run/cmdlines")
    machine.fail(f"journalctl -u 'dump-database*' -o verbose | grep {SECRET}")
