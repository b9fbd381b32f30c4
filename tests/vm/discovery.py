machine.wait_for_unit("multi-user.target")
machine.wait_for_unit("forgejo.service")
machine.wait_for_unit("ntfy-sh.service")
machine.wait_for_unit("mysql.service")
machine.wait_for_unit("postgresql.target")
machine.wait_until_succeeds("test -e /var/lib/ntfy-sh/user.db")
machine.wait_until_succeeds("test -e /var/lib/forgejo/data/forgejo.db")

with subtest("one round dumps them all"):
    machine.succeed("systemctl start dump-database.service")

for name in ("postgresql", "mysql", "ntfy-sh-auth", "ntfy-sh-cache", "forgejo"):
    with subtest(f"{name} has a good dump"):
        machine.succeed(f"dump-database verify /var/lib/dump-database/{name}")
        machine.succeed(f"ls /var/lib/dump-database/{name}/*.gz")
