LEAF = "/var/lib/dump-database/shop"
SECRET = "correct-horse-battery-staple"
AS_SERVER = "runuser -u postgres --"

machine.wait_for_unit("postgresql.target")
machine.succeed(
    f"{AS_SERVER} psql -c \"CREATE ROLE clerk LOGIN PASSWORD '{SECRET}'\"",
    f"{AS_SERVER} createdb -O clerk shop",
    "install -d -m 700 /run/secrets",
    f"(umask 077; printf %s {SECRET} > /run/secrets/shop)",
    # By their paths: on NixOS the default PATH of a unit has neither.
    "systemd-run --unit=watcher $(command -v sh) -c "
    "\"while :; do $(command -v cat) /proc/[0-9]*/cmdline 2>/dev/null; done >> /run/cmdlines\"",
)

with subtest("the password in the file opens the database"):
    machine.succeed("systemctl start dump-database-shop")
    machine.succeed(f"dump-database verify {LEAF}")

machine.succeed("systemctl stop watcher")

with subtest("a program sees no socket of the server"):
    machine.succeed("ls /run/postgresql/.s.PGSQL.5432")
    machine.fail("systemctl start dump-database-nosy")
    machine.wait_until_succeeds("journalctl -o cat -u dump-database-nosy | grep '/run/postgresql.*denied'")

with subtest("it is in no command line, log, unit or dump"):
    machine.succeed("grep -a pg_dump /run/cmdlines | grep -a shop >/dev/null")
    machine.fail(f"grep -a {SECRET} /run/cmdlines")
    machine.succeed("journalctl --sync")
    machine.fail(f"journalctl -u 'dump-database*' | grep {SECRET}")
    machine.fail(f"systemctl cat dump-database-shop | grep {SECRET}")
    machine.fail(f"systemctl show dump-database-shop | grep {SECRET}")
    machine.fail(f"cat {LEAF}/* | grep -a {SECRET}")
    machine.fail(f"zcat {LEAF}/*.gz | grep -a {SECRET}")

with subtest("a wrong password is an error that does not tell it"):
    machine.succeed("printf wrong-horse > /run/secrets/shop")
    machine.fail("systemctl start dump-database-shop")
    machine.succeed("journalctl --sync")
    machine.fail("journalctl -u dump-database-shop | grep wrong-horse")
