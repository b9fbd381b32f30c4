//! The owner of a database has functions of his called by what reads his views, with the rights of the
//! user who reads them.

use std::process::{Child, Stdio};

use super::Server;
use crate::servers::wait_for;
use crate::support::{Env, Run};

const WARNING: &str =
    "views and functions of 'owner'@'localhost' can run with the rights of the user who dumps";

/// Starts a server with the database `app` of the user `owner`. The user `dumper` has the privileges
/// that the documentation names, and may write `secret.called`, where a function would write.
fn server() -> Server {
    let server = Server::start();
    server.script(
        "",
        "CREATE DATABASE app; CREATE DATABASE secret; CREATE TABLE secret.called (v TEXT) ENGINE=MyISAM;
         CREATE USER owner@localhost; GRANT ALL ON app.* TO owner@localhost WITH GRANT OPTION;
         CREATE USER dumper@localhost; GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON *.* TO dumper@localhost;
         GRANT INSERT ON secret.* TO dumper@localhost;
         CREATE TABLE app.z (v TEXT); INSERT INTO app.z VALUES ('a');",
    );
    server
}

/// Starts a session of the owner, which runs what it is fed.
fn owner(server: &Server, sql: &str) -> Child {
    let mut client = server.client("mariadb");
    client.args(["--user=owner", "app"]).stdout(Stdio::null());
    let mut client = client.stdin(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(client.stdin.as_mut().unwrap(), sql.as_bytes()).unwrap();
    client
}

fn end(mut session: Child) {
    drop(session.stdin.take());
    assert!(session.wait().unwrap().success());
}

fn calls(server: &Server) -> String {
    server.sql(
        "",
        "SELECT COUNT(*) FROM secret.called; TRUNCATE secret.called",
    )
}

/// The function is created in two steps, because the owner may not call it himself.
const FUNCTION: &str = "DROP FUNCTION IF EXISTS f;
    DELIMITER //
    CREATE FUNCTION f() RETURNS CHAR(1) DETERMINISTIC SQL SECURITY INVOKER MODIFIES SQL DATA
    BEGIN INSERT INTO secret.called VALUES (CURRENT_USER()); RETURN '1'; END//
    DELIMITER ;\n";

#[test]
#[ignore = "needs MariaDB"]
fn no_function_of_an_owner_is_called_for_a_user_without_execute() {
    let env = Env::new();
    let server = server();
    assert_views_call_nothing(&env, &server);
    assert_exchanged_tables_call_nothing(&env, &server);
}

/// The server calls these functions when it opens the views.
fn assert_views_call_nothing(env: &Env, server: &Server) {
    let views =
        "CREATE SQL SECURITY INVOKER VIEW w0 AS SELECT v FROM z WHERE v LIKE 'a' ESCAPE f();
        CREATE SQL SECURITY INVOKER VIEW w1 AS SELECT ROUND(1.5, f()) AS v;
        CREATE SQL SECURITY INVOKER VIEW w2 AS SELECT SUBSTR(v, f()) AS v FROM z;
        CREATE SQL SECURITY INVOKER VIEW w3 AS SELECT INTERVAL(f(), 1) AS v;\n";
    let harmless = "CREATE FUNCTION f() RETURNS CHAR(1) DETERMINISTIC RETURN '1';\n";
    end(owner(server, &format!("{harmless}{views}{FUNCTION}")));
    let run = env.run(&format!("dump {}", server.url("app"))).succeeds();
    assert!(run.stderr.contains(WARNING), "{run:?}");
    assert_ne!(calls(server), "0", "this attack is none");

    let run = env.run(&format!("dump {}", server.url_as("dumper", "app")));
    let run = run.fails(1, "or this user may not use it): w0, w1, w2, w3; repair");
    assert!(!run.stderr.contains(WARNING), "{run:?}");
    assert_eq!(calls(server), "0");

    // The owner may give privileges away.
    let given = "GRANT EXECUTE ON FUNCTION f TO dumper@localhost;\n";
    end(owner(server, given));
    let run = env.run(&format!("dump {}", server.url_as("dumper", "app")));
    assert!(run.stderr.contains(WARNING), "{run:?}");
    assert_ne!(calls(server), "0", "this attack is none");
    end(owner(
        server,
        "DROP VIEW w0, w1, w2, w3; DROP FUNCTION f;\n",
    ));
}

/// After the definition of a table, the client waits for the owner's lock. Then it reads the rows of what
/// the owner has put in the place of the table.
fn assert_exchanged_tables_call_nothing(env: &Env, server: &Server) {
    let dump_as = |user: &str| {
        let locking = owner(server, "LOCK TABLES z WRITE;\n");
        let locked = "SHOW OPEN TABLES FROM app WHERE In_use = 1";
        wait_for("the lock", || !server.sql("", locked).is_empty());
        let dump = env.start(&format!("dump {}", server.url_as(user, "app")));
        wait_for_waiting(server, "SELECT /*!40001");
        let exchange = "CREATE SQL SECURITY INVOKER VIEW w AS SELECT f() AS v; RENAME TABLE z TO was, w TO z;\n";
        let exchanging = owner(server, &format!("{FUNCTION}{exchange}"));
        wait_for_waiting(server, "RENAME");
        end(locking);
        end(exchanging);
        let run = Run::end_of(dump);
        let undo = "DROP VIEW z; RENAME TABLE was TO z; DROP FUNCTION f;\n";
        end(owner(server, undo));
        run
    };
    let run = dump_as("root").succeeds();
    assert!(run.stderr.contains(WARNING), "{run:?}");
    assert_eq!(calls(server), "1", "this attack is none");

    let run = dump_as("dumper").fails(1, "rights to use them");
    assert!(!run.stderr.contains(WARNING), "{run:?}");
    assert_eq!(calls(server), "0");
}

/// Waits until a session with this statement waits for a lock of a table.
fn wait_for_waiting(server: &Server, statement: &str) {
    let waiting = format!(
        "SELECT 1 FROM information_schema.processlist
         WHERE state LIKE 'Waiting for%lock' AND info LIKE '{statement}%'"
    );
    wait_for(statement, || server.sql("", &waiting) == "1");
}
