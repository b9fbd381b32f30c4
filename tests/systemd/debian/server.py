# The example unit, changed for a local PostgreSQL server as docs/sources.md says.
UNIT = "/etc/systemd/system/dump-database.service"
DUMPS = "/var/lib/dump-database/pg"
CHANGES = (
    "-e s/^User=.*/User=postgres/",
    "-e /^ReadWritePaths=/d",
    "-e s,/var/lib/dump-database/notes,/var/lib/dump-database/pg,",
    "-e s,=dump-database/notes,=dump-database/pg,",
    "-e s,sqlite:/srv/notes/notes.db,postgresql:///,",
)

machine.wait_for_unit("multi-user.target")
machine.succeed(
    "systemctl start postgresql.target",
    "cp /etc/server/* /etc/systemd/system",
    f"sed -i {' '.join(CHANGES)} {UNIT}",
    "systemctl daemon-reload",
)
machine.wait_until_succeeds("runuser -u postgres -- psql -c 'CREATE DATABASE shop'")
machine.succeed("runuser -u postgres -- psql shop -c \"CREATE TABLE sale AS SELECT 'dumped' AS note\"")

with subtest("every database of the server is dumped"):
    machine.succeed("systemctl start dump-database.service")
    dumps = machine.succeed(f"ls {DUMPS}")
    for name in ("shop-", "postgres-", "@globals-"):
        assert name in dumps, f"{name} is not among {dumps}"

with subtest("a database that is gone comes back"):
    machine.succeed("runuser -u postgres -- dropdb shop")
    machine.succeed(f"runuser -u postgres -- dump-database restore {DUMPS} postgresql:///shop --name shop")
    assert machine.succeed("runuser -u postgres -- psql -At shop -c 'SELECT note FROM sale'") == "dumped\n"
