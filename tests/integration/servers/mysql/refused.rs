//! Dumps and restores that fail for any reason: what they report, and that nothing of them stays.

use std::fs;

use super::Server;
use crate::servers::assert_no_trace;
use crate::servers::clients::{
    assert_a_stopped_server_leaves_no_trace, assert_sigterm_leaves_no_child,
    assert_what_is_missing_is_not_recorded, dumping, ends_without_showing, pause_while, with_fake,
};
use crate::support::{Env, Run};

const PASSWORD: &str = "s3cr3t p@ss #;\"o'rd\\";

/// Starts a server with a database that takes a while to dump.
fn large_server() -> Server {
    let server = Server::start();
    server.sql("", "CREATE DATABASE large");
    server.sql(
        "large",
        "CREATE TABLE big SELECT seq, REPEAT(MD5(seq), 10) AS v FROM seq_1_to_250000",
    );
    server
}

#[test]
#[ignore = "needs MariaDB"]
fn a_server_that_stops_or_ends_the_session_during_a_dump() {
    let env = Env::new();
    let mut server = large_server();
    let url = server.url("large");
    env.dump(&url);
    let good = env.names();
    let running = dumping(&env, &url);
    pause_while(&running, || {
        let session = "SELECT id FROM information_schema.processlist WHERE db = 'large'";
        server.sql("", &format!("KILL {}", server.sql("", session)));
    });
    Run::end_of(running).fails(1, "mariadb-dump ended with exit status");
    assert_no_trace(&env, &good);
    assert_a_stopped_server_leaves_no_trace(
        &env,
        (&url, "mariadb://root@/"),
        || server.stop(),
        "mariadb-dump ended with exit status",
        &good,
    );
}

#[test]
#[ignore = "needs MariaDB"]
fn sigterm_leaves_no_child() {
    let env = Env::new();
    let server = large_server();
    assert_sigterm_leaves_no_child(&env, &server.url("large"));
}

#[test]
#[ignore = "needs MariaDB"]
fn passwords_are_taken_from_a_file_or_url_and_shown_nowhere() {
    let env = Env::new();
    let server = large_server();
    server.sql(
        "",
        "CREATE USER app@localhost IDENTIFIED BY 's3cr3t p@ss #;\"o''rd\\\\'; GRANT ALL ON *.* TO app@localhost",
    );
    let url = server.url_as("app", "large");
    env.run(&format!("dump {url}")).fails(1, "Access denied");
    fs::write(env.path("wrong"), "nonsense\n").unwrap();
    env.run(&format!("dump --password-file wrong {url}"))
        .fails(1, "Access denied");
    assert_no_trace(&env, &[]);
    fs::write(env.path("right"), format!("{PASSWORD}\n")).unwrap();
    let in_url = server.url_as("app:s3cr3t%20p%40ss%20%23;%22o%27rd%5C", "large");
    for args in [format!("--password-file right {url}"), in_url] {
        let running = dumping(&env, &format!("--log trace {args}"));
        ends_without_showing("s3cr3t", "mariadb-dump", running);
    }
    // The user's own option file still counts.
    fs::write(
        env.path("options"),
        "[client]\nuser=app\npassword=nonsense\n",
    )
    .unwrap();
    let by_file = format!(
        "{}&defaults-file={}",
        server.url("large").replace("root@", ""),
        env.path("options").display()
    );
    env.run(&format!("dump {by_file} --name other"))
        .fails(1, "Access denied for user 'app'");
    env.run(&format!(
        "dump --password-file right {by_file} --name other"
    ))
    .succeeds();
}

#[test]
#[ignore = "needs MariaDB"]
fn what_cannot_be_dumped_whole_is_named_before_anything_is_written() {
    let env = Env::new();
    let server = Server::start();
    server.sql(
        "",
        "CREATE DATABASE app; CREATE USER weak@localhost; GRANT SELECT ON app.* TO weak@localhost",
    );
    server.sql(
        "app",
        "CREATE TABLE t (a INT); CREATE TABLE gone (a INT); CREATE VIEW v AS SELECT * FROM gone",
    );
    env.run(&format!("dump {}", server.url_as("weak", "app")))
        .fails(1, "it lacks SHOW VIEW, TRIGGER, EVENT, EXECUTE");
    server.sql("app", "DROP TABLE gone");
    env.run(&format!("dump {}", server.url("app"))).fails(
        1,
        "broken views (what they use is missing, or this user may not use it): v",
    );
    env.run(&format!("dump {}", server.url("nothing")))
        .fails(1, "has no database nothing");
    assert_no_trace(&env, &[]);
    let run = env.run(&format!("dump {} --exclude [!a]*", server.url("")));
    run.fails(1, "app was not dumped");
}

#[test]
#[ignore = "needs MariaDB"]
fn a_client_that_lies_is_not_believed_and_one_whose_snapshot_is_lost_tries_again() {
    let env = Env::new();
    let server = Server::start();
    server.sql("", "CREATE DATABASE app; CREATE TABLE app.t (a INT)");
    let real = "case \"$1\" in --help|--version|--print-defaults) exec /usr/bin/mariadb-dump \"$@\";; esac\n";
    let changed = "echo x >> begun; echo 'mariadb-dump: Error 1412: Table definition has changed, please retry transaction when dumping table `t` at row: 0' >&2; exit 3";
    let run = |script: &str| {
        let path = with_fake(&env, "mariadb-dump", &format!("{real}{script}"));
        let mut command = env.program(&format!("dump {}", server.url("app")));
        Run::finish(command.env("PATH", path))
    };
    for (script, sentence) in [
        ("exit 0", "did not print its last line"),
        (
            "/usr/bin/mariadb-dump \"$@\" | sed '$d'",
            "did not print its last line",
        ),
        ("/usr/bin/mariadb-dump \"$@\"; exit 2", "exit status: 2"),
        (changed, "a table was altered while it was read"),
        (
            "echo 'mysqldump: Error in field count for table: `t` !  Aborting.' >&2; exit 3",
            "a table was altered while it was read",
        ),
    ] {
        run(script).fails(1, sentence);
        assert_no_trace(&env, &[]);
    }
    let begun = fs::read_to_string(env.path("begun")).unwrap();
    assert_eq!(begun.lines().count(), 4);
    let third = format!(
        "echo x >> tries; [ $(wc -l < tries) -lt 3 ] && {{ {changed}; }}; exec /usr/bin/mariadb-dump \"$@\""
    );
    let run = run(&third).succeeds();
    assert_eq!(run.stderr.matches("trying again").count(), 2, "{run:?}");
    env.run("verify").succeeds();
    assert_eq!(env.names().len(), 1);
}

#[test]
#[ignore = "needs MariaDB"]
fn users_are_dumped_by_a_client_that_cannot_dump_them_too() {
    let env = Env::new();
    let server = Server::start();
    server.sql(
        "",
        "CREATE USER app@localhost IDENTIFIED BY 'x'; CREATE ROLE `a reader`; GRANT SELECT ON mysql.* TO `a reader`;
         GRANT `a reader` TO app@localhost; SET DEFAULT ROLE `a reader` FOR app@localhost",
    );
    let script = "exec /usr/bin/mariadb-dump \"$@\" | sed 's/--system/--sistem/'";
    let path = with_fake(&env, "mariadb-dump", script);
    let mut command = env.program(&format!("dump {}", server.url("")));
    let run = Run::finish(command.env("PATH", path)).succeeds();
    let paths = run.paths();
    let globals = paths
        .iter()
        .find(|path| path.display().to_string().contains("@globals"));
    let globals = globals.unwrap().display().to_string();
    env.run("verify").succeeds();
    let users =
        "SHOW CREATE USER app@localhost; SHOW GRANTS FOR app@localhost; SHOW GRANTS FOR `a reader`";
    let expected = server.sql("", users);
    assert!(expected.contains("SET DEFAULT ROLE"), "{expected}");
    server.sql("", "DROP USER app@localhost; DROP ROLE `a reader`");
    env.run(&format!("restore {globals} {}", server.url("")))
        .succeeds();
    assert_eq!(server.sql("", users), expected);
}

#[test]
#[ignore = "needs MariaDB"]
fn a_table_altered_during_a_dump_begins_it_anew() {
    let env = Env::new();
    let server = large_server();
    server.sql(
        "large",
        "CREATE TABLE zz (a INT); INSERT INTO zz VALUES (1)",
    );
    let running = dumping(&env, &server.url("large"));
    pause_while(&running, || {
        server.sql("large", "ALTER TABLE zz ADD b INT DEFAULT 2, FORCE");
    });
    let run = Run::end_of(running).succeeds();
    assert!(
        run.stderr.contains("1412") && run.stderr.contains("trying again"),
        "{run:?}"
    );
    assert_no_trace(&env, &env.names());
    let dump = run.paths().remove(0);
    env.run(&format!(
        "restore {} {}",
        dump.display(),
        server.url("again")
    ))
    .succeeds();
    assert_eq!(server.sql("again", "SELECT a, b FROM zz"), "1\t2");
}

#[test]
#[ignore = "needs MariaDB"]
fn a_mistyped_database_is_not_recorded() {
    let server = Server::start();
    server.sql("", "CREATE DATABASE app");
    let missing = server.url("apq");
    assert_what_is_missing_is_not_recorded(&Env::new(), &server.url("app"), &missing);
}
