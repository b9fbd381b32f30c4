SOCKET = "/run/postgresql/.s.PGSQL.5432"

machine.wait_for_unit("postgresql.target")
machine.succeed("systemctl stop dump-database.timer")
machine.wait_until_succeeds(f"test -S {SOCKET}")

with subtest("a running server is dumped"):
    machine.succeed("systemctl start dump-database-postgresql")

machine.succeed("systemctl stop postgresql.target")
machine.wait_until_fails(f"test -S {SOCKET}")

with subtest("a dump of a stopped server fails"):
    machine.fail("systemctl start dump-database-postgresql")

with subtest("so does a round without a fresh dump"):
    machine.succeed("rm /var/lib/dump-database/postgresql/*.gz")
    machine.fail("systemctl start dump-database.service")

with subtest("and neither starts the server"):
    machine.fail(f"test -S {SOCKET}")
    machine.fail("systemctl is-active postgresql.target")
