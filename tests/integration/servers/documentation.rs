//! The commands of the page on restoring, run with a real server of each kind.

use crate::documentation::machine::{DUMPS, Machine};
use crate::documentation::page::{code, read};
use crate::servers::{mysql, postgresql, redis};

/// The directory in which the page has the dumps of a server that moves to a new machine.
const MOVED: &str = "/srv/dumps";

/// Returns the restores of the page into an engine, without the program that runs them as another
/// user.
fn restores(engine: &str) -> Vec<String> {
    let lines = code(&read("docs/restoring.md")).into_iter();
    let lines = lines.filter(|line| line.contains(&format!("{engine}://")));
    let program = |line: String| line[line.find("dump-database restore ").unwrap()..].to_owned();
    lines.map(program).collect()
}

/// Returns a line of the page with the URLs of a server.
fn with_urls(line: &str, server: &postgresql::Server) -> String {
    let url = |database: &str| format!("'{}'", server.url(database));
    let socket = server.directory().display().to_string();
    // The URL of the whole server.
    let line = match line.strip_suffix("postgresql:///") {
        Some(before) => format!("{before}{}", url("")),
        None => line.to_owned(),
    };
    line.replace("/run/postgresql", &socket)
        .replace("postgresql:///shop_test", &url("shop_test"))
        .replace("postgresql:///shop ", &format!("{} ", url("shop")))
        .replace("postgresql:/// ", &format!("{} ", url("")))
}

#[test]
#[ignore = "needs PostgreSQL"]
fn the_page_on_restoring_moves_a_server_of_postgresql() {
    let machine = Machine::new();
    let (old, new) = (postgresql::Server::start(), postgresql::Server::start());
    old.psql("postgres", "CREATE ROLE clerk LOGIN");
    old.psql("postgres", "CREATE DATABASE shop OWNER clerk");
    old.psql("shop", "CREATE TABLE sale AS SELECT 'dumped' AS note");
    old.psql("shop", "ALTER TABLE sale OWNER TO clerk");
    machine.dump(&old.url(""), MOVED);
    let mut lines = restores("postgresql");
    lines.retain(|line| line.contains(MOVED));
    assert_eq!(lines.len(), 2, "{lines:?}");
    let lines: Vec<_> = lines.iter().map(|line| with_urls(line, &new)).collect();
    machine.run_lines(&lines);
    assert_eq!(new.read_all("shop"), old.read_all("shop"));
}

#[test]
#[ignore = "needs PostgreSQL"]
fn the_page_on_restoring_restores_databases_of_postgresql() {
    const ROWS: &str = "SELECT string_agg(note, ',' ORDER BY note) FROM sale";
    let (machine, server) = (Machine::new(), postgresql::Server::start());
    server.psql("postgres", "CREATE DATABASE shop");
    server.psql("shop", "CREATE TABLE sale (note text)");
    server.psql("shop", "INSERT INTO sale VALUES ('dumped')");
    machine.dump(&server.url("shop"), DUMPS);
    machine.dump(&server.url(""), "/var/lib/dump-database/postgresql");
    server.psql("shop", "INSERT INTO sale VALUES ('changed')");

    let mut lines = restores("postgresql");
    lines.retain(|line| !line.contains(MOVED) && !line.contains("@globals"));
    assert_eq!(lines.len(), 4, "{lines:?}");
    for line in lines {
        if line.ends_with("postgresql:///") {
            server.psql("postgres", "DROP DATABASE shop");
        }
        machine.run_lines(&[with_urls(&line, &server)]);
        // The page begins with a restore into a new database.
        assert_eq!(server.psql("shop_test", ROWS), "dumped");
    }
    assert_eq!(server.psql("shop", ROWS), "dumped");
}

#[test]
#[ignore = "needs MariaDB"]
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
    let expected = ["changed,dumped", "dumped", "dumped", "dumped"];
    assert_eq!(lines.len(), expected.len(), "{lines:?}");
    for (line, expected) in lines.iter().zip(expected) {
        let url = |database: &str| format!("'{}'", server.url(database));
        let line = match line.strip_suffix("mariadb://root@localhost/") {
            Some(before) => {
                server.sql("", "DROP DATABASE shop");
                format!("{before}{}", url(""))
            }
            None => line.clone(),
        };
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

#[test]
#[ignore = "needs Redis"]
fn the_page_on_restoring_restores_a_server_of_redis_and_its_file() {
    let (machine, mut server) = (Machine::new(), redis::Server::start());
    server.run("SET note dumped");
    machine.dump(&server.url(), DUMPS);
    server.run("SET note changed");
    let lines = restores("redis+unix");
    assert_eq!(lines.len(), 1, "{lines:?}");
    let url = "redis+unix:///run/redis/redis.sock";
    machine.run_lines(&[lines[0].replace(url, &format!("'{}'", server.url()))]);
    assert_eq!(server.run("GET note"), "dumped");

    server.run("SET note changed");
    server.save();
    server.stop();
    let file = "/var/lib/redis/dump.rdb";
    let mut lines = code(&read("docs/restoring.md"));
    lines.retain(|line| line.contains("dump-database restore") && line.contains(file));
    assert_eq!(lines.len(), 1, "{lines:?}");
    let here = server.directory().join("dump.rdb").display().to_string();
    machine.run_lines(&[lines[0].replace(file, &format!("'{here}'"))]);
    server.resume();
    assert_eq!(server.run("GET note"), "dumped");
}
