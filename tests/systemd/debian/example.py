# The unit files for other distributions, as an administrator installs them.
# The drill starts as root, which becomes a user of this drill alone before it reads a dump.
LIMITS = {"dump-database": 0.5, "dump-database-copy": 1.2, "dump-database-drill": 2.6}

machine.wait_for_unit("multi-user.target")
machine.succeed(
    "useradd --system notes",
    "install -d -o notes -m 700 /srv/notes",
    "runuser -u notes -- sqlite3 /srv/notes/notes.db 'CREATE TABLE note (text)'",
    "cp /etc/example/* /etc/systemd/system",
    "systemctl daemon-reload",
    "systemd-analyze verify --man=no /etc/systemd/system/dump-database*",
)

with subtest("without a dump there is no drill"):
    machine.succeed("systemctl start dump-database-drill.service")
    machine.succeed("systemctl show -P ConditionResult dump-database-drill | grep -x no")

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

with subtest("the drill restores the newest dump, and leaves nothing"):
    machine.succeed("systemctl start dump-database-drill.service")
    machine.wait_until_succeeds("journalctl -o cat -u dump-database-drill | grep 'restored in .* s;'")
    machine.fail("journalctl -o cat -u dump-database-drill | grep 'could reach'")
    machine.fail("find /var/cache/dump-database-drill -mindepth 1 | grep .")
    machine.fail("ls -A /run/systemd/dynamic-uid /run/dump-database-drill | grep -v : | grep .")
    machine.succeed("systemctl enable --now dump-database-drill.timer")
    machine.wait_until_succeeds("systemctl status dump-database-drill.timer | grep 'active (waiting)'")

for unit, limit in LIMITS.items():
    with subtest(f"{unit} scores at most {limit}"):
        report = machine.succeed(f"systemd-analyze security --no-pager {unit}.service")
        score = float(report.rsplit(": ", 1)[1].split()[0])
        assert score <= limit, report

with subtest("the unit of copies, on a directory instead of a bucket"):
    unit = "/etc/systemd/system/dump-database-copy.service"
    machine.succeed(
        "install -d /etc/dump-database && echo AWS_REGION=x >/etc/dump-database/store",
        "chmod 600 /etc/dump-database/store",
        "install -d -o notes -m 700 /srv/other-disk",
        f"sed -i 's|--to s3://backup/prod --recipient age1...|--to /srv/other-disk|' {unit}",
        f"sed -i '/^UMask/i ReadWritePaths=/srv/other-disk' {unit}",
        "systemctl daemon-reload",
        "systemd-analyze verify --man=no dump-database-copy.service dump-database-copy.timer",
        "systemctl start dump-database-copy.service",
        "dump-database verify /srv/other-disk",
    )
    assert machine.succeed("ls /srv/other-disk/*/notes/*.copy.json | wc -l") == "5\n"
    machine.succeed("journalctl -u dump-database-copy -o cat | grep ' MB/s'")

with subtest("its timer waits"):
    machine.succeed("systemctl enable --now dump-database-copy.timer")
    machine.wait_until_succeeds("systemctl status dump-database-copy.timer | grep 'active (waiting)'")

with subtest("it has no way to the database"):
    shell = "systemd-run --wait --pipe -p User=notes -p InaccessiblePaths=-/srv/notes"
    machine.fail(f"{shell} cat /srv/notes/notes.db")
    machine.succeed(f"grep -q '^InaccessiblePaths=-/srv/notes$' {unit}")
