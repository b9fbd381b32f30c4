LEAF = "/var/lib/dump-database/notes"
AS_OWNER = "runuser -u dump-database --"
HALF = f"find {LEAF} -type f -size +10M ! -name '*.gz' | grep ."
NEXT = "systemctl show -P NextElapseUSecMonotonic dump-database.timer"

machine.wait_for_unit("multi-user.target")
machine.succeed("systemctl stop dump-database.timer")
machine.succeed(
    "install -d -o dump-database -g dump-database -m 700 /srv/notes",
    f"{AS_OWNER} sqlite3 /srv/notes/notes.db "
    "'CREATE TABLE note (data); WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n "
    "WHERE i < 200) INSERT INTO note SELECT randomblob(1000000) FROM n'",
    "systemctl start dump-database-notes",
    "sync",
)
before = machine.succeed(f"cd {LEAF} && sha256sum *.gz")

with subtest("the power fails while a dump is being written"):
    machine.succeed("systemctl start --no-block dump-database-notes")
    # Stopped there, because the driver asks once a second only.
    machine.succeed(
        f"until {HALF}; do sleep 0.01; done",
        "systemctl kill --signal=STOP dump-database-notes",
        HALF,
        timeout=300,
    )
    machine.crash()

machine.start()
machine.wait_for_unit("multi-user.target")

with subtest("the timer waits for its first round, although it never ran since the boot"):
    assert machine.succeed(NEXT) not in ("infinity\n", "0\n", "\n"), machine.succeed(NEXT)
    machine.succeed("systemctl stop dump-database.timer")

with subtest("the dump that was there is what it was, and no half one has a final name"):
    machine.succeed(f"cd {LEAF} && echo '{before.strip()}' | sha256sum --check")
    machine.succeed(f"dump-database verify {LEAF}")

with subtest("the next run succeeds and leaves nothing behind"):
    machine.succeed("systemctl start dump-database-notes")
    machine.succeed(f"dump-database verify {LEAF}")
    machine.fail(f"find {LEAF} -type f -size +1M ! -name '*.gz' | grep .")
