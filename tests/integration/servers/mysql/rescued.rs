//! Restores that succeed in spite of an obstacle: part of a dump, an empty database, a damaged old
//! database.

use std::fs;
use std::path::Path;

use super::Server;
use crate::servers::assert_not_restored;
use crate::servers::drilled::with_text;
use crate::servers::leftovers::Leftovers;
use crate::support::Env;

#[test]
#[ignore = "needs MariaDB"]
fn what_can_be_loaded_is_loaded_and_what_cannot_is_named() {
    let env = Env::new();
    let server = Server::start();
    server.sql(
        "",
        "CREATE DATABASE other; CREATE TABLE other.t (a INT); CREATE DATABASE app",
    );
    server.script(
        "app",
        "CREATE TABLE good (id INT PRIMARY KEY, v TEXT); INSERT INTO good VALUES (1, 'one\\n\\n'), (2, 'DROP TABLE good;');
         CREATE TABLE lost (v TEXT); INSERT INTO lost VALUES ('a'), ('b');
         CREATE VIEW a_far AS SELECT a FROM other.t; CREATE VIEW of_good AS SELECT v FROM good;
         CREATE TRIGGER stamped BEFORE INSERT ON lost FOR EACH ROW SET NEW.v = 'x';
         CREATE PROCEDURE p() SELECT 1;",
    );
    let dump = env.dump(&server.url("app"));
    server.sql("", "DROP DATABASE other");
    // The same error as with a missing storage engine or type.
    let dump = with_text(&dump, |text| {
        text.replacen(
            "CREATE TABLE `lost` (\n  `v` text",
            "CREATE TABLE `lost` (\n  `v` nosuch",
            1,
        )
    });
    let restore = |options: &str, to: &str| {
        env.run(&format!(
            "restore {options} {} {}",
            dump.display(),
            server.url(to)
        ))
    };
    let before = server.databases();
    let run = restore("", "new").fails(1, "table lost: ERROR 4161");
    assert!(!run.stderr.contains("at line"), "{run:?}");
    assert_eq!(server.databases(), before);
    for (options, name) in [("", "new"), ("--replace --without-saving", "app")] {
        let run = restore(&format!("--keep-going {options}"), name).fails(1, "without 4 objects");
        let failed = [
            "table lost: ERROR 4161",
            "rows of table lost: ERROR 1146",
            "view a_far: ERROR 1146",
            "trigger stamped: ERROR 1146",
        ];
        assert_not_restored(&run, &failed, 4);
        let rows =
            "SELECT GROUP_CONCAT(id, v ORDER BY id), (SELECT COUNT(*) FROM of_good) FROM good";
        assert_eq!(server.sql(name, rows), "1one\n\n,2DROP TABLE good;\t2");
        assert_eq!(server.sql(name, "CALL p()"), "1");
    }
}

#[test]
#[ignore = "needs MariaDB"]
fn a_user_of_one_database_fills_it_when_it_is_empty() {
    let env = Env::new();
    let server = Server::start();
    server.sql("", "CREATE DATABASE app CHARACTER SET latin1; CREATE USER wp@localhost; CREATE DATABASE wp; GRANT ALL ON wp.* TO wp@localhost");
    server.script(
        "app",
        "CREATE TABLE t (id INT PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a');
         CREATE TABLE u (id INT, FOREIGN KEY (id) REFERENCES t (id)); INSERT INTO u VALUES (1);
         CREATE DEFINER=root@localhost VIEW w AS SELECT v FROM t;
         CREATE DEFINER=root@localhost PROCEDURE p() SELECT 'DEFINER=root@localhost';
         CREATE DEFINER=root@localhost TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.v = 'x';
         CREATE DEFINER=root@localhost EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1;
         CREATE SEQUENCE s;",
    );
    let dump = env.dump(&server.url("app"));
    let url = server.url_as("wp", "wp");
    let fill = |options: &str, dump: &Path| {
        env.run(&format!(
            "restore --into-empty {options} {} {url}",
            dump.display()
        ))
    };
    for (name, said) in [
        ("wp", "--into-empty loads into it if it is empty"),
        (
            "new",
            "(--into-empty loads into one that exists and is empty): ",
        ),
    ] {
        let url = server.url_as("wp", name);
        env.run(&format!("restore {} {url}", dump.display()))
            .fails(1, said);
    }
    // A user who may not act as another user cannot define an object of that user.
    let tables = || server.sql("wp", "SHOW TABLES");
    fill("", &dump).fails(1, "the database wp is empty, as it was before");
    assert_eq!(tables(), "");
    let broken = with_text(&dump, |text| {
        text.replace("VIEW `w` AS", "VIEW `w` AS SELECT nothing; x")
    });
    fill("--no-owner", &broken).fails(1, "the database wp is empty, as it was before");
    assert_eq!(tables(), "");
    fill("--no-owner", &dump).succeeds();
    assert_eq!(
        server.sql("wp", "SELECT w.v, u.id, @@character_set_database FROM w, u"),
        "a\t1\tlatin1"
    );
    assert_eq!(server.sql("wp", "CALL p()"), "DEFINER=root@localhost");
    let definers = "SELECT definer FROM information_schema.views WHERE table_schema = 'wp'
        UNION SELECT definer FROM information_schema.triggers WHERE trigger_schema = 'wp'
        UNION SELECT definer FROM information_schema.events WHERE event_schema = 'wp'
        UNION SELECT definer FROM information_schema.routines WHERE routine_schema = 'wp'";
    assert_eq!(server.sql("", definers), "wp@localhost");
    let run = fill("--no-owner", &dump).fails(1, "the database wp is not empty (");
    assert!(
        run.stderr
            .contains("--into-empty loads only into an empty one"),
        "{run:?}"
    );
}

#[test]
#[ignore = "needs MariaDB"]
fn an_old_database_that_cannot_be_dumped_is_replaced_when_that_is_said() {
    let env = Env::new();
    let server = Server::start();
    server.sql("", "CREATE DATABASE app");
    server.sql(
        "app",
        "CREATE TABLE t (v TEXT); INSERT INTO t VALUES ('a'); CREATE TABLE gone (v TEXT)",
    );
    let dump = env.dump(&server.url("app")).display().to_string();
    server.sql(
        "app",
        "CREATE VIEW broken AS SELECT v FROM gone; DROP TABLE gone",
    );
    let restore =
        |options: &str| env.run(&format!("restore {options} {dump} {}", server.url("app")));
    let before = server.sql(
        "app",
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'app'",
    );
    let run = restore("--replace").fails(1, "the old database is as it was");
    for said in [
        "broken views (what they use is missing, or this user may not use it): broken",
        "--replace --save-partly dumps what can be read of it, --replace --without-saving drops it",
    ] {
        assert!(run.stderr.contains(said), "no {said:?}: {run:?}");
    }
    assert_eq!(
        server.sql(
            "app",
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'app'"
        ),
        before
    );
    restore("--replace --without-saving").succeeds();
    assert_eq!(server.sql("app", "SELECT v FROM t"), "a");
    fs::remove_file(server.directory().join("data/app/t.ibd")).unwrap();
    restore("--replace --without-saving").succeeds();
    assert_eq!(server.sql("app", "SELECT v FROM t"), "a");
    assert_eq!(env.names().len(), 1);
}

#[test]
#[ignore = "needs MariaDB"]
fn of_a_damaged_old_database_what_can_be_saved_is_saved() {
    let env = Env::new();
    let server = Server::start();
    server.script(
        "",
        "CREATE DATABASE app; USE app; CREATE TABLE t (v TEXT); INSERT INTO t VALUES ('a');",
    );
    let dump = env.dump(&server.url("app")).display().to_string();
    server.script(
        "app",
        "UPDATE t SET v = 'later'; CREATE PROCEDURE p() SELECT 'kept';
         CREATE TABLE lost (v TEXT); INSERT INTO lost VALUES ('lost'); ALTER TABLE lost DISCARD TABLESPACE;
         CREATE TABLE no_file (v TEXT) ENGINE=MyISAM;
         CREATE TABLE gone (v TEXT); CREATE VIEW broken AS SELECT v FROM gone;
         CREATE VIEW of_t AS SELECT v FROM t; DROP TABLE gone; FLUSH TABLES;",
    );
    fs::remove_file(server.directory().join("data/app/no_file.MYI")).unwrap();
    server.sql("", "FLUSH TABLES");
    let url = server.url("app");
    env.run(&format!("dump --to saved {url}"))
        .fails(1, "broken views (what they use is missing, or this user may not use it): broken, and tables that cannot be opened: no_file (");
    let args = format!("restore --replace --save-partly --to saved {dump} {url}");
    let run = env.run(&args).succeeds();
    for said in [
        "these cannot be read and are not dumped, nor are their triggers: view broken (",
        "ERROR 1356",
        "table lost (",
        "table no_file (",
    ] {
        assert!(run.stderr.contains(said), "no {said:?}: {run:?}");
    }
    assert_eq!(server.sql("app", "SHOW TABLES; SELECT v FROM t"), "t\na");
    let saved = crate::support::names(&env.path("saved"));
    let saved = saved.iter().find(|name| name.starts_with("app-")).unwrap();
    env.run(&format!("verify saved/{saved}")).succeeds();
    let run = env
        .run(&format!("restore saved/{saved} {}", server.url("before")))
        .succeeds();
    let said = "the dump lacks what could not be read when the database was saved: view broken (";
    assert!(run.stderr.contains(said), "{run:?}");
    assert_eq!(
        server.sql("before", "SELECT v FROM of_t; CALL p()"),
        "later\nkept"
    );
    assert_eq!(server.sql("before", "SHOW TABLES"), "of_t\nt");
    // What is whole is saved whole with the flag, too.
    let run = env.run(&args).succeeds();
    assert!(!run.stderr.contains("cannot be read"), "{run:?}");
}

/// The owner of a database has views that call his functions, with the rights of the user who reads them.
#[test]
#[ignore = "needs MariaDB"]
fn saving_what_can_be_read_calls_no_function_of_a_view() {
    let env = Env::new();
    let server = Server::start();
    server.script(
        "",
        "CREATE DATABASE app; CREATE DATABASE secret; CREATE TABLE secret.called (v TEXT);
         CREATE TABLE app.t (v TEXT); INSERT INTO app.t VALUES ('a');",
    );
    let dump = env.dump(&server.url("app")).display().to_string();
    server.script(
        "app",
        "DELIMITER //
         CREATE FUNCTION f() RETURNS INT SQL SECURITY INVOKER MODIFIES SQL DATA
         BEGIN INSERT INTO secret.called VALUES ('f'); RETURN 1; END//
         DELIMITER ;
         CREATE ALGORITHM=TEMPTABLE SQL SECURITY INVOKER VIEW w AS SELECT v, f() AS x FROM t WHERE f() = 1;
         CREATE TABLE gone (v TEXT); CREATE VIEW broken AS SELECT v FROM gone; DROP TABLE gone;",
    );
    let restore = format!(
        "restore --replace --save-partly --to saved {dump} {}",
        server.url("app")
    );
    let run = env.run(&restore).succeeds();
    assert!(
        run.stderr
            .contains("are not dumped, nor are their triggers: view broken ("),
        "{run:?}"
    );
    assert_eq!(server.sql("secret", "SELECT v FROM called"), "");
    // Whoever reads the view calls them.
    let saved = crate::support::names(&env.path("saved"));
    let saved = saved.iter().find(|name| name.starts_with("app-")).unwrap();
    env.run(&format!("restore saved/{saved} {}", server.url("before")))
        .succeeds();
    server.sql("before", "SELECT 1 FROM w LIMIT 1");
    assert_eq!(server.sql("secret", "SELECT DISTINCT v FROM called"), "f");
}

#[test]
#[ignore = "needs MariaDB"]
fn the_dump_directory_is_checked_before_anything_is_loaded_and_leftovers_go() {
    let env = Env::new();
    let server = Server::start();
    server.sql("", "CREATE DATABASE app; CREATE TABLE app.t (v TEXT)");
    let dump = env.dump(&server.url("app")).display().to_string();
    server.sql("app", "CREATE TABLE later (v TEXT)");
    let created = || server.sql("", "SHOW GLOBAL STATUS LIKE 'Com_create_db'");
    let before = created();
    env.run(&format!(
        "restore --replace --to missing/dump {dump} {}",
        server.url("app")
    ))
    .fails(1, "could not be dumped first (--to says where to)");
    assert_eq!(created(), before);
    let leftovers = Leftovers::new("app");
    for name in leftovers.names() {
        server.sql("", &format!("CREATE DATABASE `{name}`"));
    }
    let run = env
        .run(&format!("restore --replace {dump} {}", server.url("app")))
        .succeeds();
    leftovers.assert_judged(&run, |name| server.databases().contains(name));
}
