AS_OWNER = "runuser -u dump-database --"
SURVEY = "dump-database-survey"
KEEPER = "/var/lib/private/keeper/keeper.db"
NEXT = f"systemctl show -P NextElapseUSecMonotonic {SURVEY}.timer"


def said_by(unit: str) -> list[str]:
    """What a unit's last run said that nobody dumps, a line each time."""
    run = machine.succeed(f"journalctl --sync; systemctl show -P InvocationID {unit}").strip()
    journal = machine.succeed(f"journalctl -o cat _SYSTEMD_INVOCATION_ID={run}")
    return [line for line in journal.splitlines() if "nobody dumps" in line]


machine.wait_for_unit("multi-user.target")
machine.wait_for_unit("postgresql.target")

with subtest("the first survey waits for its time, although none ran since the boot"):
    assert machine.succeed(NEXT) not in ("infinity\n", "0\n", "\n"), machine.succeed(NEXT)
    machine.succeed("systemctl stop 'dump-database*.timer'")

for name in ("notes", "ledger", "ignored"):
    machine.succeed(
        f"install -d -o dump-database -g dump-database -m 700 /srv/{name}",
        f"{AS_OWNER} sqlite3 /srv/{name}/{name}.db 'CREATE TABLE note (text)'",
    )
machine.succeed("systemctl start keeper")
machine.wait_until_succeeds(f"test -s {KEEPER}")

with subtest("a survey names what nobody dumps, and nothing else"):
    machine.succeed(f"systemctl start {SURVEY}")
    (line,) = said_by(SURVEY)
    assert f"SQLite {KEEPER}" in line, line
    for dumped in ("notes", "ledger", "ignored", "PostgreSQL"):
        assert dumped not in line, line

with subtest("no round says it again"):
    machine.succeed("systemctl start dump-database")
    assert said_by("dump-database") == []

with subtest("status by hand names it, and does not fail"):
    said = machine.succeed("dump-database status /var/lib/dump-database/notes 2>&1")
    assert f"nobody dumps: SQLite {KEEPER} (survey of" in said, said

with subtest("only root and the accounts of dumps know the names of other users' files"):
    machine.fail(f"runuser -u nobody -- cat /var/lib/{SURVEY}/survey.json")

with subtest("a database that is dumped is no longer named"):
    machine.succeed(
        f"dump-database dump {KEEPER} --to /var/lib/dump-database/keeper",
        f"systemctl start {SURVEY}",
    )
    assert said_by(SURVEY) == []

with subtest("the unit reads, and changes and reaches nothing"):
    shell = machine.succeed("readlink -f $(command -v bash)").strip()
    probe = "touch /var/lib/probe /etc/probe /home/probe; exec 3<>/dev/tcp/127.0.0.1/5432"
    machine.succeed(
        f"mkdir /run/systemd/system/{SURVEY}.service.d",
        f"printf '[Service]\\nExecStart=\\nExecStart=%s -c \"%s\"\\n' {shell} '{probe}' "
        f">/run/systemd/system/{SURVEY}.service.d/probe.conf",
        "systemctl daemon-reload",
    )
    machine.execute(f"systemctl start {SURVEY}")
    machine.fail("ls /var/lib/probe /etc/probe /home/probe")
    run = machine.succeed(f"journalctl --sync; systemctl show -P InvocationID {SURVEY}").strip()
    said = machine.succeed(f"journalctl -o cat _SYSTEMD_INVOCATION_ID={run}")
    assert said.count("Read-only file system") == 3 and "/dev/tcp/127.0.0.1/5432" in said, said
