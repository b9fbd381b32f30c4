//! What the page on restoring says of servers, done with a real server of each kind.

use crate::documentation::machine::{DUMPS, Machine};
use crate::documentation::page::{code, read};
use crate::servers::{mysql, postgresql};

/// Returns the restores of the page into a database of an engine, without the program that runs them as
/// another user. The lines on `@globals` need an empty server.
fn restores(engine: &str) -> Vec<String> {
    let lines = code(&read("docs/restoring.md")).into_iter();
    let lines = lines.filter(|line| line.contains(&format!("{engine}://")));
    let lines = lines.filter(|line| !line.contains("@globals"));
    let program = |line: String| line[line.find("dump-database restore ").unwrap()..].to_owned();
    lines.map(program).collect()
}

#[test]
fn the_page_on_restoring_restores_databases_of_postgresql() {
    const ROWS: &str = "SELECT string_agg(note, ',' ORDER BY note) FROM sale";
    let (machine, server) = (Machine::new(), postgresql::Server::start());
    server.psql("postgres", "CREATE DATABASE shop");
    server.psql("shop", "CREATE TABLE sale (note text)");
    server.psql("shop", "INSERT INTO sale VALUES ('dumped')");
    machine.dump(&server.url("shop"), DUMPS);
    machine.dump(&server.url(""), "/var/lib/dump-database/postgresql");
    server.psql("shop", "INSERT INTO sale VALUES ('changed')");

    let lines = restores("postgresql");
    assert_eq!(lines.len(), 3, "{lines:?}");
    let socket = server.place().display().to_string();
    for line in lines {
        let line = line
            .replace("/run/postgresql", &socket)
            .replace(
                "postgresql:///shop_test",
                &format!("'{}'", server.url("shop_test")),
            )
            .replace("postgresql:///shop ", &format!("'{}' ", server.url("shop")));
        machine.run_lines(&[line]);
        let is_test = server.databases().contains(&"shop_test".to_owned());
        assert!(
            is_test,
            "the page begins with a restore into a new database"
        );
        assert_eq!(server.psql("shop_test", ROWS), "dumped");
    }
    assert_eq!(server.psql("shop", ROWS), "dumped");
}

#[test]
fn the_page_on_restoring_restores_databases_of_mariadb() {
    const ROWS: &str = "SELECT GROUP_CONCAT(note ORDER BY note) FROM sale";
    let (machine, server) = (Machine::new(), mysql::Server::start());
    server.sql(
        "",
        "CREATE DATABASE shop; CREATE TABLE shop.sale (note TEXT)",
    );
    server.sql("shop", "INSERT INTO sale VALUES ('dumped')");
    machine.dump(&server.url("shop"), DUMPS);
    machine.dump(&server.url(""), "/var/lib/dump-database/mysql");
    server.sql("shop", "INSERT INTO sale VALUES ('changed')");

    let lines = restores("mariadb");
    assert_eq!(lines.len(), 3, "{lines:?}");
    for (line, expected) in lines.iter().zip(["changed,dumped", "dumped", "dumped"]) {
        let url = |database: &str| format!("'{}'", server.url(database));
        let line = line
            .replace(
                "'mariadb://root@localhost/shop?socket=/run/mysqld/mysqld.sock'",
                &url("shop"),
            )
            .replace("mariadb://root@localhost/shop_test", &url("shop_test"))
            .replace(
                "mariadb://root@localhost/shop ",
                &format!("{} ", url("shop")),
            );
        machine.run_lines(&[line]);
        assert_eq!(server.sql("shop_test", ROWS), "dumped");
        assert_eq!(server.sql("shop", ROWS), expected);
    }
}
