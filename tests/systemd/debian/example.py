# The two unit files for other distributions, as an administrator installs them.
SCORE = "systemd-analyze security --no-pager dump-database.service"

machine.wait_for_unit("multi-user.target")
machine.succeed(
    "useradd --system notes",
    "install -d -o notes -m 700 /srv/notes",
    "runuser -u notes -- sqlite3 /srv/notes/notes.db 'CREATE TABLE note (text)'",
    "cp /etc/example/* /etc/systemd/system",
    "systemctl daemon-reload",
    "systemd-analyze verify --man=no dump-database.service dump-database.timer",
)

with subtest("the service dumps"):
    machine.succeed("systemctl start dump-database.service")
    machine.succeed("dump-database verify /var/lib/dump-database/notes")

with subtest("the timer is started, active and waiting"):
    machine.succeed("systemctl enable --now dump-database.timer")
    machine.wait_until_succeeds("systemctl status dump-database.timer | grep 'active (waiting)'")

with subtest("seven runs leave the five newest, and the journal shows each"):
    for _ in range(6):
        # systemd lets nobody start a unit more than five times in ten seconds.
        machine.succeed("systemctl reset-failed dump-database.service")
        machine.succeed("systemctl start dump-database.service")
    assert machine.succeed("ls /var/lib/dump-database/notes/*.gz | wc -l") == "5\n"
    machine.succeed("test $(journalctl -u dump-database -o cat | grep -c ' in, .* out,') -ge 7")

with subtest("it scores at most 0.5"):
    score = float(machine.succeed(SCORE).rsplit(": ", 1)[1].split()[0])
    assert score <= 0.5, score
