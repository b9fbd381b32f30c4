LEDGER = "/srv/ledger/ledger.db"
LEAF = "/var/lib/dump-database/ledger"
AS_OWNER = "runuser -u dump-database-guest --"
JOURNAL = "journalctl -u dump-database.service -o cat"

machine.wait_for_unit("multi-user.target")
machine.succeed(
    "systemctl stop dump-database.timer",
    "install -d -o dump-database-guest -g dump-database-guest -m 700 /srv/ledger",
    f"{AS_OWNER} sqlite3 {LEDGER} \"CREATE TABLE sale (note); INSERT INTO sale VALUES ('5 €')\"",
)
before = machine.succeed(f"{AS_OWNER} sqlite3 {LEDGER} .dump")

with subtest("what the program prints is dumped"):
    machine.succeed("systemctl start dump-database-ledger", f"dump-database verify {LEAF}")

with subtest("and restores what is gone"):
    machine.succeed(f"rm {LEDGER}", f"zcat {LEAF}/ledger-*.gz | {AS_OWNER} sqlite3 {LEDGER}")
    assert machine.succeed(f"{AS_OWNER} sqlite3 {LEDGER} .dump") == before

with subtest("a program that fails makes no dump"):
    dumps = machine.succeed(f"ls {LEAF}")
    machine.succeed(f"mv {LEDGER} /srv/ledger/away", f"mkdir {LEDGER}")
    machine.fail("systemctl start dump-database-ledger")
    assert machine.succeed(f"ls {LEAF}") == dumps
    machine.succeed(f"rmdir {LEDGER}", f"mv /srv/ledger/away {LEDGER}")

with subtest("the round fails for a database with a separate timer that was never dumped, and names it"):
    machine.fail("systemctl start dump-database.service")
    machine.wait_until_succeeds(f"{JOURNAL} | grep archive")

with subtest("threads that compress wait for a free CPU, and the program does not interrupt what it reads from"):
    show = "systemctl show --property MainPID --value dump-database-archive"
    machine.succeed(
        f"{AS_OWNER} mkfifo /srv/ledger/pipe",
        "systemctl start --no-block dump-database-archive",
    )
    # In a container, systemd may not be able to give the unit its LimitNICE=, for lack of CAP_SYS_RESOURCE.
    held = "0x$(sed -n 's/^CapEff:\\t//p' /proc/1/status)"
    machine.wait_until_succeeds(
        f"[ $(({held} >> 24 & 1)) = 0 ] || chrt --all-tasks --pid $({show}) | grep SCHED_IDLE"
    )
    machine.wait_until_succeeds(f"chrt --pid $(pgrep --parent $({show})) | grep SCHED_BATCH")
    machine.succeed(f"{AS_OWNER} sh -c 'echo moved > /srv/ledger/pipe'")
    machine.wait_until_succeeds("zcat /var/lib/dump-database/archive/archive-*.gz | grep moved")
