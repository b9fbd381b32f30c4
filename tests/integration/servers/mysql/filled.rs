//! Restoring into an empty database that others use meanwhile.

use std::os::unix::process::ExitStatusExt;

use rustix::process::{Pid, Signal, kill_process};

use super::Server;
use crate::servers::clients::with_fake;
use crate::servers::drilled::with_text;
use crate::servers::machine::wait_for;
use crate::support::{Env, Run};

#[test]
#[ignore = "needs MariaDB"]
fn what_others_put_into_a_database_while_it_is_filled_stays() {
    let env = Env::new();
    let server = Server::start();
    server.script(
        "",
        "CREATE DATABASE app; CREATE DATABASE wp; USE app;
         CREATE TABLE early (v TEXT); INSERT INTO early VALUES ('a');
         CREATE TABLE users (v TEXT); INSERT INTO users VALUES ('dumped');
         CREATE VIEW w AS SELECT v FROM early;",
    );
    let dump = env.dump(&server.url("app")).display().to_string();
    // An application creates its tables after the database was found empty.
    let script = "case \"$*\" in *--execute*|*--skip-reconnect*) ;; *--binary-mode*)
cat > fed
echo \"CREATE TABLE users (v TEXT); INSERT INTO users VALUES ('mine');
    CREATE TABLE theirs (v TEXT); INSERT INTO theirs VALUES ('mine')\" | /usr/bin/mariadb \"$@\" || exit
exec /usr/bin/mariadb \"$@\" < fed;; esac
exec /usr/bin/mariadb \"$@\"";
    let path = with_fake(&env, "mariadb", script);
    let fill = format!("restore --into-empty {dump} {}", server.url("wp"));
    let run =
        Run::finish(env.program(&fill).env("PATH", &path)).fails(1, "table users: ERROR 1050");
    let said = "the database wp is not empty now; empty it before the next attempt: \
        DROP TABLE IF EXISTS `wp`.`theirs`; DROP TABLE IF EXISTS `wp`.`users`;";
    assert!(run.stderr.contains(said), "{run:?}");
    assert_eq!(
        server.sql("wp", "SELECT users.v, theirs.v FROM users, theirs"),
        "mine\tmine"
    );
    assert_eq!(server.sql("wp", "SHOW TABLES"), "theirs\nusers");

    server.sql("", "DROP DATABASE wp; CREATE DATABASE wp");
    let mut using = server.client("mariadb");
    using.args(["wp", "-e", "DO SLEEP(600)"]);
    let mut using = using.spawn().unwrap();
    let sleeping = "SELECT id FROM information_schema.processlist WHERE info LIKE '%SLEEP(600)'
        AND id <> CONNECTION_ID()";
    wait_for("the session", || !server.sql("", sleeping).is_empty());
    let run = env.run(&fill);
    server.sql("", &format!("KILL {}", server.sql("", sleeping)));
    using.wait().unwrap();
    run.fails(
        1,
        "the database wp is in use by a session of root; stop the programs",
    );
    env.run(&fill).succeeds();
    assert_eq!(
        server.sql("wp", "SELECT w.v, users.v FROM w, users"),
        "a\tdumped"
    );
}

/// A dump with every kind of object; the last statement fails.
#[test]
#[ignore = "needs MariaDB"]
fn a_fill_that_fails_or_is_stopped_leaves_an_empty_database() {
    let env = Env::new();
    let server = Server::start();
    server.script(
        "",
        "CREATE DATABASE app CHARACTER SET latin1; CREATE DATABASE wp CHARACTER SET utf8mb4; USE app;
         CREATE TABLE a (id INT PRIMARY KEY); INSERT INTO a VALUES (1), (2);
         CREATE TABLE b (id INT, FOREIGN KEY (id) REFERENCES a (id)); INSERT INTO b VALUES (1);
         CREATE SEQUENCE s; CREATE VIEW v AS SELECT id FROM a; CREATE VIEW w AS SELECT id FROM v;
         CREATE PROCEDURE p() SELECT 'x'; CREATE FUNCTION f() RETURNS INT RETURN 1;
         CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET NEW.id = NEW.id;
         CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1;
         CREATE TABLE `od``d;t` (v TEXT); INSERT INTO `od``d;t` VALUES ('CREATE TABLE `x` (v INT);\\n');",
    );
    let dump = env.dump(&server.url("app"));
    let at_end = |last: &str| {
        with_text(&dump, |text| {
            let (before, after) = text.rsplit_once("-- Dump completed").unwrap();
            format!("{before}{last}\n-- Dump completed{after}")
        })
    };
    let before = server.read_all("wp");
    let fill = |dump: &std::path::Path| {
        format!(
            "restore --into-empty {} {}",
            dump.display(),
            server.url("wp")
        )
    };
    let broken = at_end("CREATE TABLE `last` (v nosuch);");
    env.run(&fill(&broken))
        .fails(1, "the database wp is empty, as it was before");
    assert_eq!(server.read_all("wp"), before);

    // The server still runs the last statement when the client is killed.
    let slow = at_end("CREATE TABLE `slow` (v INT) SELECT SLEEP(600) AS v;");
    let mut running = env.start(&fill(&slow));
    let sleeping = "SELECT id FROM information_schema.processlist WHERE info LIKE '%SLEEP(600)%'
        AND id <> CONNECTION_ID()";
    wait_for("the last statement", || {
        !server.sql("", sleeping).is_empty()
    });
    assert!(!server.sql("wp", "SHOW TABLES").is_empty());
    kill_process(Pid::from_child(&running), Signal::INT).unwrap();
    let ended = running.wait().unwrap();
    assert_eq!(ended.signal(), Some(2), "{ended:?}");
    assert_eq!(server.sql("", sleeping), "");
    assert_eq!(server.read_all("wp"), before);

    // Rows of another session in a table of the dump.
    server.sql("", "CREATE DATABASE other; CREATE TABLE other.log (v INT)");
    let inserting = at_end("INSERT INTO `a` VALUES (3);\nCREATE TABLE `last` (v nosuch);");
    let run = env.run(&fill(&inserting)).fails(
        1,
        "empty it before the next attempt: DROP TABLE IF EXISTS `wp`.`a`;",
    );
    assert!(!run.stderr.contains("`wp`.`b`"), "{run:?}");
    assert_eq!(server.sql("wp", "SHOW TABLES"), "a");
    server.sql("wp", "DROP TABLE IF EXISTS `wp`.`a`;");

    env.run(&fill(&dump)).succeeds();
    let content = "SELECT GROUP_CONCAT(w.id), (SELECT v FROM `od``d;t`), f(), @@character_set_database FROM w";
    assert_eq!(
        server.sql("wp", content),
        "1,2\tCREATE TABLE `x` (v INT);\n\t1\tlatin1"
    );
}

/// A restore into a database that does not exist yet.
#[test]
#[ignore = "needs MariaDB"]
fn a_new_database_is_gone_after_sigint_at_any_statement() {
    let env = Env::new();
    let server = Server::start();
    server.script(
        "",
        "CREATE DATABASE app; USE app; CREATE TABLE a (id INT PRIMARY KEY); INSERT INTO a VALUES (1);",
    );
    let dump = env.dump(&server.url("app"));
    let databases = server.databases();
    for place in ["LOCK TABLES `a` WRITE;", "-- Dump completed"] {
        let slow = with_text(&dump, |text| {
            text.replacen(
                place,
                // Unlike SLEEP, it does not end when its client is gone.
                &format!(
                    "CREATE TABLE `slow` (v INT) SELECT BENCHMARK(1000000000000, 1) AS v;\n{place}"
                ),
                1,
            )
        });
        let restore = format!("restore {} {}", slow.display(), server.url("new"));
        let mut running = env.start(&restore);
        let sleeping =
            "SELECT id FROM information_schema.processlist WHERE info LIKE '%BENCHMARK(%'
            AND id <> CONNECTION_ID()";
        wait_for("the statement", || !server.sql("", sleeping).is_empty());
        kill_process(Pid::from_child(&running), Signal::INT).unwrap();
        running.wait().unwrap();
        assert_eq!(server.databases(), databases);
    }
}
