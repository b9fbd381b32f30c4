//! A whole server and one of its databases in one run, and the drill of the objects that belong to
//! no database.

use super::server::Server;
use crate::servers::drilled::drill;
use crate::support::Env;

#[test]
#[ignore = "needs PostgreSQL"]
fn a_database_that_is_named_beside_its_server_is_dumped_once() {
    let env = Env::new();
    let server = Server::start();
    server.psql("postgres", "CREATE DATABASE app");
    server.psql("postgres", "CREATE ROLE reader");
    let sources = format!("{} {}", server.url("app"), server.url(""));
    let run = env.run(&format!("dump {sources}")).succeeds();
    let names = env.names();
    assert_eq!(run.paths().len(), names.len(), "{run:?}");
    let of = |start: &str| names.iter().filter(|name| name.starts_with(start)).count();
    assert_eq!((of("app-"), of("@globals-")), (1, 1), "{names:?}");

    let globals = names.iter().find(|name| name.starts_with("@globals-"));
    let run = drill(&env, &format!("dump/{}", globals.unwrap())).succeeds();
    assert!(run.stdout.contains("all of it loaded"), "{run:?}");
    assert!(!run.stdout.contains(" 0 tables"), "{run:?}");
}
