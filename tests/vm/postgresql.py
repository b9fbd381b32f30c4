LEAF = "/var/lib/dump-database/postgresql"
AS_SERVER = "runuser -u postgres --"
AS_DUMPER = "runuser -u dump-database --"
TARGET = "'postgresql://postgres@/shop?host=/run/postgresql'"
SCHEMA = """
CREATE ROLE clerk LOGIN;
CREATE TABLE sale (id serial PRIMARY KEY, cents int NOT NULL, note text, made timestamptz, raw bytea);
INSERT INTO sale (cents, note, made, raw)
  SELECT i * 7, 'sale ' || i || ' €', now(), sha256(i::text::bytea) FROM generate_series(1, 1000) i;
ALTER TABLE sale OWNER TO clerk;
ALTER TABLE sale ENABLE ROW LEVEL SECURITY;
CREATE VIEW total AS SELECT sum(cents) FROM sale;
"""
SUM = "SELECT count(*), sum(cents), md5(string_agg(s::text, '' ORDER BY id)) FROM sale s"

machine.wait_for_unit("postgresql.target")
machine.succeed("systemctl stop dump-database.timer")
machine.succeed(f"{AS_SERVER} createdb shop", f"{AS_SERVER} psql -v ON_ERROR_STOP=1 shop -c \"{SCHEMA}\"")
before = machine.succeed(f"{AS_SERVER} psql -At shop -c \"{SUM}\"")

with subtest("every database is dumped, and what belongs to the server"):
    machine.succeed("systemctl start dump-database-postgresql")
    dumps = machine.succeed(f"ls {LEAF}")
    for name in ("shop-", "postgres-", "@globals-"):
        assert name in dumps, f"{name} is not among {dumps}"

with subtest("a database that is gone comes back"):
    machine.succeed(f"{AS_SERVER} dropdb shop")
    machine.succeed(f"{AS_DUMPER} dump-database restore {LEAF} {TARGET} --name shop")
    assert machine.succeed(f"{AS_SERVER} psql -At shop -c \"{SUM}\"") == before
    owner = machine.succeed(
        f"{AS_SERVER} psql -At shop -c \"SELECT tableowner FROM pg_tables WHERE tablename = 'sale'\""
    )
    assert owner == "clerk\n", owner

with subtest("a database made between two runs is found"):
    machine.succeed(f"{AS_SERVER} createdb later", "systemctl start dump-database-postgresql")
    machine.succeed(f"ls {LEAF} | grep later-")
