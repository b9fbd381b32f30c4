-- What differs between tables that pg_dump reads and tables that several sessions read.
CREATE SCHEMA "Zed";
CREATE SCHEMA "a ""b"" 'c' \ $d$.e";
CREATE TABLE marked (v text PRIMARY KEY, n serial);
CREATE TABLE "Zed"."order" (
    "select" int, "Mixed Case" text, doubled int GENERATED ALWAYS AS ("select" * 2) STORED, gone int,
    t timestamptz, i interval, f float8, r regclass, b bytea, d date, m money
);
INSERT INTO "Zed"."order" ("select", "Mixed Case", gone, t, i, f, r, b, d, m)
    SELECT n, E'tab\tline\n\\. \\N', n, '2024-02-29 12:00:00.5+00'::timestamptz + n * interval '1 h', n * interval '1.5 day',
        n / 3.0, 'public.marked', decode(md5(n::text), 'hex'), 'epoch', (n / 7.0)::money
    FROM generate_series(1, 3000) n;
INSERT INTO marked (v) VALUES ('-- Data for Name: zzz; Type: TABLE DATA; Schema: zzz; Owner: postgres'), ('\.'), (''), ('--'),
    ('-- PostgreSQL database dump complete'), ('COPY x FROM stdin;'), ('\'), ('$$'), ('''');
INSERT INTO marked (v) SELECT 'row ' || n FROM generate_series(1, 4000) n;
UPDATE "Zed"."order" SET r = 'public.marked';
ALTER TABLE "Zed"."order" DROP COLUMN gone;
ALTER TABLE "Zed"."order" ADD later text DEFAULT 'later';
DELETE FROM "Zed"."order" WHERE "select" BETWEEN 500 AND 900;
VACUUM "Zed"."order";
INSERT INTO "Zed"."order" ("select") SELECT n FROM generate_series(1, 50) n;
CREATE TABLE "a ""b"" 'c' \ $d$.e"."it's ""x"". \ y" AS SELECT n, md5(n::text) AS "col ""1""" FROM generate_series(1, 3000) n;
CREATE TABLE U&"new\000Aline" AS SELECT n, md5(n::text) AS v FROM generate_series(1, 2000) n;
CREATE TABLE toasted (n int, v text);
ALTER TABLE toasted ALTER v SET STORAGE EXTERNAL;
INSERT INTO toasted SELECT n, (SELECT string_agg(md5((n * k)::text), '') FROM generate_series(1, 2000) k)
    FROM generate_series(1, 40) n;
CREATE TABLE small (v int);
INSERT INTO small VALUES (1), (2);
CREATE TABLE "Small" (v int);
INSERT INTO "Small" VALUES (3);
CREATE TABLE zz_small (v int);
INSERT INTO zz_small VALUES (4);
CREATE TABLE columnless ();
INSERT INTO columnless SELECT FROM generate_series(1, 3000);
CREATE TABLE generated (v int GENERATED ALWAYS AS (1) STORED);
INSERT INTO generated SELECT FROM generate_series(1, 3000);
CREATE UNLOGGED TABLE unlogged AS SELECT n FROM generate_series(1, 3000) n;
CREATE TABLE whole (n int) PARTITION BY RANGE (n);
CREATE TABLE half PARTITION OF whole FOR VALUES FROM (0) TO (2000);
CREATE TABLE other_half PARTITION OF whole FOR VALUES FROM (2000) TO (9000);
INSERT INTO whole SELECT generate_series(1, 4000);
CREATE TABLE parent (n int);
CREATE TABLE child (extra text) INHERITS (parent);
INSERT INTO parent SELECT generate_series(1, 2000);
INSERT INTO child SELECT n, 'child' FROM generate_series(1, 2000) n;
CREATE TABLE hidden (v int, owner text);
INSERT INTO hidden SELECT n, 'nobody' FROM generate_series(1, 3000) n;
ALTER TABLE hidden ENABLE ROW LEVEL SECURITY;
ALTER TABLE hidden FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON hidden USING (owner = current_user);
CREATE TABLE emptied AS SELECT n FROM generate_series(1, 3000) n;
DELETE FROM emptied;
SET allow_in_place_tablespaces = on;
CREATE TABLESPACE elsewhere LOCATION '';
CREATE TABLE apart TABLESPACE elsewhere AS SELECT n FROM generate_series(1, 3000) n;
CREATE INDEX apart_n ON apart (n) TABLESPACE elsewhere;
CREATE TABLE zz_apart (n int PRIMARY KEY USING INDEX TABLESPACE elsewhere) TABLESPACE elsewhere;
CREATE INDEX ON toasted (n);
ALTER TABLE marked ADD UNIQUE (n);
CREATE TABLE refers (n int REFERENCES marked (n));
INSERT INTO refers SELECT n FROM marked;
CREATE MATERIALIZED VIEW summary AS SELECT count(*) FROM marked;
CREATE FUNCTION body() RETURNS void LANGUAGE plpgsql AS $f$
BEGIN
-- Data for Name: a; Type: TABLE DATA; Schema: a; Owner: postgres
-- PostgreSQL database dump complete
END $f$;
COMMENT ON TABLE small IS '
-- PostgreSQL database dump complete
';
SELECT lo_from_bytea(4711, decode(repeat('00ff5c0a', 20000), 'hex'));
CREATE FUNCTION log_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN NULL; END';
CREATE EVENT TRIGGER ddl ON ddl_command_end EXECUTE FUNCTION log_ddl();
COMMENT ON EVENT TRIGGER ddl IS 'none';
GRANT SELECT ON small, marked TO PUBLIC;
REVOKE ALL ON FUNCTION body() FROM PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;
CREATE INDEX summary_count ON summary (count);
