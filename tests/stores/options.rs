//! Copies of a server's databases are restored with the same options as their dumps.

use crate::postgresql::Server;
use crate::test_store::{StoreKind, TestStore};

#[test]
#[ignore = "needs PostgreSQL"]
fn the_options_of_a_restore_count_for_copies_as_well() {
    let place = TestStore::new(StoreKind::Directory);
    let server = Server::start();
    server.psql("postgres", "CREATE ROLE owner");
    server.psql("postgres", "CREATE DATABASE app");
    // The view has a function that finds nothing while a dump is loaded.
    server.psql(
        "app",
        "CREATE TABLE good (id int); INSERT INTO good VALUES (1), (2); ALTER TABLE good OWNER TO owner;
         CREATE FUNCTION number() RETURNS bigint LANGUAGE plpgsql AS
             'BEGIN RETURN (SELECT count(*) FROM good); END';
         CREATE MATERIALIZED VIEW counted AS SELECT public.number() AS n",
    );
    place.env.dump(&server.url("app"));
    place.copy("");
    let restore =
        |options: &str, to: &str| place.on(&format!("restore {options} @ {}", server.url(to)));
    let rows = |database: &str| server.psql(database, "SELECT sum(id) FROM public.good");
    let before = server.databases();
    restore("", "new").fails(1, "counted");
    assert_eq!(server.databases(), before);
    restore("--keep-going", "new").fails(1, "without 1 object");
    assert_eq!(rows("new"), "3");
    restore("--keep-going --into-empty", "new").fails(1, "--into-empty");
    // Without what fails.
    server.psql("app", "DROP MATERIALIZED VIEW counted");
    place.env.dump(&server.url("app"));
    place.copy("");
    server.psql("postgres", "CREATE DATABASE empty");
    restore("--into-empty", "empty").succeeds();
    assert_eq!(rows("empty"), "3");
    restore("--replace --without-saving", "new").succeeds();
    assert_eq!(rows("new"), "3");
    let dumps = place.env.names().len();
    restore("--replace", "new").succeeds();
    assert_eq!(place.env.names().len(), dumps + 1, "the old one was dumped");
    // On a server without the owner.
    server.psql("postgres", "DROP DATABASE new; ");
    server.psql("postgres", "DROP DATABASE empty");
    restore("--no-owner", "new").succeeds();
    let owner = "SELECT tableowner = current_user FROM pg_tables WHERE tablename = 'good'";
    assert_eq!(server.psql("new", owner), "t");
}
