AS_OWNER = "runuser -u dump-database --"
JOURNAL = "journalctl -u dump-database.service -o cat"


def switch(unit: str, on: bool) -> None:
    """Lets a unit's condition fail, so that it never runs, or no more."""
    drop_in = f"/run/systemd/system/{unit}.service.d"
    if on:
        machine.succeed(f"rm -r {drop_in}", "systemctl daemon-reload")
    else:
        machine.succeed(
            f"mkdir -p {drop_in}",
            f"printf '[Unit]\\nConditionPathExists=/never\\n' > {drop_in}/never.conf",
            "systemctl daemon-reload",
        )


machine.wait_for_unit("multi-user.target")
machine.succeed("systemctl stop dump-database.timer")
machine.succeed(
    "install -d -o dump-database -g dump-database -m 700 /srv/notes",
    f"{AS_OWNER} sqlite3 /srv/notes/notes.db 'CREATE TABLE note (text)'",
)

with subtest("a round with a fresh dump of everything there is succeeds"):
    machine.succeed("systemctl start dump-database.service")

with subtest("a database that was never dumped fails the round, which names it"):
    machine.succeed("mv /var/lib/dump-database/notes /var/lib/dump-database/away")
    switch("dump-database-notes", on=False)
    machine.fail("systemctl start dump-database.service")
    machine.wait_until_succeeds(f"{JOURNAL} | grep notes")

with subtest("so does one whose file exists and whose unit never ran"):
    switch("dump-database-notes", on=True)
    switch("dump-database-unborn", on=False)
    machine.succeed(
        "mv /var/lib/dump-database/away /var/lib/dump-database/notes",
        "systemctl start dump-database.service",
        "install -d -o dump-database -m 700 /srv/unborn",
        f"{AS_OWNER} sqlite3 /srv/unborn/unborn.db 'CREATE TABLE note (text)'",
    )
    machine.fail("systemctl start dump-database.service")
    machine.wait_until_succeeds(f"{JOURNAL} | grep unborn")
