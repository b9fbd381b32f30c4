AS_OWNER = "runuser -u dump-database --"
JOURNAL = "journalctl -u dump-database.service -o cat"
NEVER = "printf '[Unit]\\nConditionPathExists=/never\\n' >"


def forbid(unit: str) -> None:
    """From here on it does not run, as if its condition failed."""
    drop_in = f"/run/systemd/system/{unit}.service.d"
    machine.succeed(f"mkdir {drop_in}", f"{NEVER} {drop_in}/never.conf", "systemctl daemon-reload")


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
    forbid("dump-database-notes")
    machine.fail("systemctl start dump-database.service")
    machine.wait_until_succeeds(f"{JOURNAL} | grep notes")

with subtest("so does one whose file exists and whose unit never ran"):
    machine.succeed("rm -r /run/systemd/system/dump-database-notes.service.d")
    forbid("dump-database-unborn")
    machine.succeed(
        "mv /var/lib/dump-database/away /var/lib/dump-database/notes",
        "systemctl start dump-database.service",
        "install -d -o dump-database -m 700 /srv/unborn",
        f"{AS_OWNER} sqlite3 /srv/unborn/unborn.db 'CREATE TABLE note (text)'",
    )
    machine.fail("systemctl start dump-database.service")
    machine.wait_until_succeeds(f"{JOURNAL} | grep unborn")
