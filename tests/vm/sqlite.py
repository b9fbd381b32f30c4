LEAF = "/var/lib/dump-database/shop"
AS_OWNER = "runuser -u dump-database --"
DATABASE = "'/srv/shop/shop 50%H ${HOME}.db'"
SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE sale (id INTEGER PRIMARY KEY, cents INTEGER NOT NULL, note TEXT, proof BLOB);
CREATE INDEX by_cents ON sale (cents);
CREATE VIEW total AS SELECT sum(cents) FROM sale;
WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
INSERT INTO sale SELECT i, i * 7, 'sale ' || i || ' €', randomblob(100) FROM n;
"""

machine.wait_for_unit("multi-user.target")
machine.succeed(
    "install -d -o dump-database -g dump-database -m 700 /srv/shop",
    f"{AS_OWNER} sqlite3 {DATABASE} \"{SCHEMA}\"",
)
before = machine.succeed(f"{AS_OWNER} sqlite3 {DATABASE} .dump")

with subtest("starting its unit dumps it now"):
    machine.succeed("systemctl start dump-database-shop")
    listed = machine.succeed(f"dump-database list {LEAF}")
    assert "shop" in listed, listed

with subtest("what the owner of the database shares in memory stays"):
    machine.succeed(f"{AS_OWNER} touch /dev/shm/shop", "systemctl start dump-database-shop")
    machine.succeed("test -e /dev/shm/shop")

with subtest("a database that is gone comes back"):
    machine.succeed("rm /srv/shop/*")
    machine.succeed(f"{AS_OWNER} dump-database restore {LEAF} {DATABASE} --name shop")
    after = machine.succeed(f"{AS_OWNER} sqlite3 {DATABASE} .dump")
    assert after == before

with subtest("a database that was damaged is replaced, and what it held is kept"):
    machine.succeed(f"{AS_OWNER} sqlite3 {DATABASE} 'DELETE FROM sale WHERE id > 10'")
    machine.fail(f"{AS_OWNER} dump-database restore {LEAF} {DATABASE} --name shop")
    machine.succeed(
        f"{AS_OWNER} dump-database restore {LEAF} {DATABASE} --name shop --replace --to {LEAF}"
    )
    assert machine.succeed(f"{AS_OWNER} sqlite3 {DATABASE} .dump") == before
