# The example units, changed for a local PostgreSQL server as docs/sources.md says.
import shlex

UNITS = "/etc/systemd/system/dump-database.service /etc/systemd/system/dump-database-drill.service"
DUMPS = "/var/lib/dump-database/pg"
# It runs when an index is made of it. Only where it is restored into a throwaway server does it fail, with
# what it sees: its user, its privileges, and the sockets and processes of the machine.
CURIOUS = """
CREATE FUNCTION look(note text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$
DECLARE status text;
BEGIN
    IF current_setting('data_directory') LIKE '/var/cache/%' THEN
        status := pg_read_file('/proc/self/status');
        RAISE 'curious: % % % processes % run %', substring(status from 'Uid:\\t(\\d+)'),
            substring(status from 'NoNewPrivs:\\t(\\d)'), substring(status from 'CapPrm:\\t(\\w+)'),
            (SELECT min(name::int) || '-' || max(name::int) FROM pg_ls_dir('/proc') AS name
                WHERE name ~ '^[0-9]+$'),
            (SELECT coalesce(string_agg(name, ','), 'nothing') FROM pg_ls_dir('/run', true, false) AS name);
    END IF;
    RETURN note;
END $$;
CREATE TABLE seen AS SELECT 'x' AS note;
CREATE INDEX curious ON seen (look(note));
"""
CHANGES = (
    "-e s/^User=.*/User=postgres/",
    "-e /^ReadWritePaths=-.srv.notes/d",
    "-e s,/var/lib/dump-database/notes,/var/lib/dump-database/pg,",
    "-e s,=dump-database/notes,=dump-database/pg,",
    "-e s,sqlite:/srv/notes/notes.db,postgresql:///,",
)

machine.wait_for_unit("multi-user.target")
machine.succeed(
    "systemctl start postgresql.target",
    "cp /etc/server/* /etc/systemd/system",
    f"sed -i {' '.join(CHANGES)} {UNITS}",
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

with subtest("the drill restores every database"):
    machine.succeed("systemctl start dump-database-drill.service")
    machine.succeed(f"dump-database status {DUMPS}")
    machine.wait_until_succeeds("journalctl -o cat -u dump-database-drill | grep 'shop-.*restored in .* s;'")
    machine.fail("find /var/cache/dump-database-drill -mindepth 1 | grep .")

with subtest("what a dump runs in a drill is a user of this drill alone, and sees nothing of the machine"):
    machine.succeed(
        f"printf %s {shlex.quote(CURIOUS)} | runuser -u postgres -- psql -v ON_ERROR_STOP=1 shop",
        "systemctl start dump-database.service",
    )
    machine.fail("systemctl start dump-database-drill.service")
    said = machine.wait_until_succeeds(
        "journalctl -o cat -u dump-database-drill | grep -o 'curious: [0-9][^;]*' | tail -1"
    )
    user, no_new_privileges, capabilities, _, processes, _, run = said.split()[1:8]
    assert 61184 <= int(user) <= 65519, said
    assert (no_new_privileges, int(capabilities, 16), run) == ("1", 0, "nothing"), said
    # Numbers of the sandbox begin at 1, and there are some dozens at most.
    first, last = processes.split("-")
    assert first == "1" and int(last) < 500, said
    machine.fail(f"find / -xdev -uid {user} | grep .")
