SOCKET = "/run/postgresql/.s.PGSQL.5432"

machine.wait_for_unit("postgresql.target")
machine.succeed("systemctl stop dump-database.timer")
machine.wait_until_succeeds(f"test -S {SOCKET}")

with subtest("a dump of a running server gets as far as the server"):
    machine.execute("systemctl start dump-database-postgresql")
    machine.succeed("systemctl show -P ExecMainStartTimestamp dump-database-postgresql | grep .")

machine.succeed("systemctl stop postgresql.target")
machine.wait_until_fails(f"test -S {SOCKET}")

with subtest("a dump of a stopped server fails"):
    machine.fail("systemctl start dump-database-postgresql")

with subtest("so does a round"):
    machine.fail("systemctl start dump-database.service")

with subtest("and neither starts the server"):
    machine.fail(f"test -S {SOCKET}")
    machine.fail("systemctl is-active postgresql.target")
