//! Dumps and restores that lack something: space, a database, a client, an engine.

use std::fs;

use super::Server;
use crate::servers::clients::{edit_questions, with_fake};
use crate::support::{Env, Run, namespace, planted};

#[test]
#[ignore = "needs MariaDB"]
fn a_full_disk_leaves_nothing_behind() {
    let env = Env::new();
    let server = Server::start();
    server.sql("", "CREATE DATABASE small; CREATE DATABASE large");
    server.sql("small", "CREATE TABLE t (a INT)");
    server.sql(
        "large",
        "CREATE TABLE big SELECT seq, REPEAT(MD5(seq), 10) AS v FROM seq_1_to_250000",
    );
    let script = format!(
        "mkdir small; mount -t tmpfs -o size=3m none small
         dump-database dump --to small/dump '{}' > good
         dump-database dump --to small/dump '{}' && exit 9
         ls $PWD/small/dump/* > left; diff good left
         ls -A small/dump | grep '^[.]' | grep -v -e lock -e state && exit 8; exit 0",
        server.url("small"),
        server.url("large")
    );
    if let Some(run) = namespace::run(&env, &script) {
        run.succeeds().fails(0, "No space left on device");
    }
}

#[test]
#[ignore = "needs MariaDB"]
fn a_missing_database_does_not_keep_the_good_ones() {
    let env = Env::new();
    let server = Server::start();
    server.sql("", "CREATE DATABASE good; CREATE DATABASE fine");
    let urls = ["missing", "good", "fine"].map(|name| server.url(name));
    let run = env.run(&format!("dump {}", urls.join(" ")));
    let run = run.fails(1, "has no database missing");
    assert_eq!(run.paths().len(), 2, "{run:?}");
    let end = "error: 1 of 3 was not dumped: missing\n";
    assert!(run.stderr.ends_with(end), "{run:?}");
    env.run("verify").succeeds();
}

#[test]
#[ignore = "needs MariaDB"]
fn clients_by_their_old_names_serve_as_well() {
    let env = Env::new();
    let server = Server::start();
    server.sql("", "CREATE DATABASE app");
    server.sql("app", "CREATE TABLE t SELECT seq FROM seq_1_to_1000");
    with_fake(&env, "mysqldump", "exec /usr/bin/mariadb-dump \"$@\"");
    with_fake(&env, "mysql", "exec /usr/bin/mariadb \"$@\"");
    let only_these = env.path("bin");
    let run = |args: &str| {
        let mut program = env.program(args);
        Run::finish(program.env("PATH", &only_these)).succeeds()
    };
    let dump = run(&format!("dump {}", server.url("app")))
        .paths()
        .remove(0);
    run(&format!(
        "restore {} {}",
        dump.display(),
        server.url("again")
    ));
    let rows = "SELECT COUNT(*), SUM(seq) FROM t";
    assert_eq!(server.sql("again", rows), server.sql("app", rows));

    for (missing, needs) in [("mysql", "mariadb"), ("mysqldump", "mariadb-dump")] {
        fs::remove_file(only_these.join(missing)).unwrap();
        let mut dump = env.program(&format!("dump {}", server.url("app")));
        Run::finish(dump.env("PATH", &only_these)).fails(1, needs);
    }
}

#[test]
#[ignore = "needs MariaDB"]
fn all_that_the_server_lacks_is_listed_at_once() {
    let env = Env::new();
    let server = Server::start();
    server.sql("", "CREATE DATABASE app; CREATE USER other@localhost");
    server.sql(
        "app",
        "CREATE TABLE t (v TEXT); CREATE DEFINER=other@localhost VIEW seen AS SELECT v FROM t",
    );
    let dump = planted::changed(&env.dump(&server.url("app")), |header| {
        header.time = planted::ago(60);
        for (kind, name) in [("engines", "RocksDB"), ("collations", "klingon_ci")] {
            let names = header.facts.settings.get_mut(kind).unwrap();
            names.as_array_mut().unwrap().push(name.into());
        }
    });
    server.sql("", "DROP USER other@localhost");
    let before = server.databases();
    let run = env.run(&format!("restore {} {}", dump.display(), server.url("new")));
    run.fails(
        1,
        "the users (definers) other@localhost; the storage engines RocksDB; the collations klingon_ci;",
    );
    assert_eq!(server.databases(), before);
}

/// One session of the client answers the queries before and after the dump of a database.
#[test]
#[ignore = "needs MariaDB"]
fn a_session_that_the_server_ends_as_idle_is_begun_again() {
    let env = Env::new();
    let server = Server::start_with("--skip-networking --wait-timeout=1 --autocommit=0");
    server.sql("", "CREATE DATABASE app; CREATE TABLE app.t (a INT)");
    server.sql("app", "INSERT INTO t VALUES (1), (2); COMMIT");
    let url = server.url("app");
    // While the dump waits, nothing holds the table.
    let change = "/usr/bin/mariadb --no-defaults --socket=$SOCKET -u root app \\
        -e 'SET lock_wait_timeout = 1; ALTER TABLE t ADD b INT' || exit";
    let script = format!(
        "case \"$*\" in *--single-transaction*) sleep 3\n{change};; esac\nexec /usr/bin/mariadb-dump \"$@\""
    );
    let path = with_fake(&env, "mariadb-dump", &script);
    let mut dump = env.program(&format!("dump {url}"));
    dump.env("PATH", path).env("SOCKET", server.socket());
    Run::finish(&mut dump).succeeds();
    env.run(&format!("restore dump {}", server.url("again")))
        .succeeds();
    assert_eq!(
        server.sql("again", "SELECT a, b FROM t"),
        "1\tNULL\n2\tNULL"
    );
}

#[test]
#[ignore = "needs MariaDB"]
fn a_session_that_ends_between_two_questions_gives_no_half_answer() {
    let env = Env::new();
    let server = Server::start();
    server.sql("", "CREATE DATABASE app; CREATE TABLE app.t (a INT)");
    server.sql("app", "INSERT INTO t VALUES (1), (2)");
    let dump = |client: &str| {
        let path = with_fake(&env, "mariadb", client);
        let mut dump = env.program(&format!("dump {}", server.url("app")));
        Run::finish(dump.env("PATH", path))
    };
    // The second of four questions ends the session, once.
    let lost = r#"case "$*" in *--unbuffered*) ;; *) exec /usr/bin/mariadb "$@";; esac
while IFS= read -r line; do
    case "$line" in *information_schema.schema_privileges*)
        [ -e lost ] || { touch lost ends; exit; };;
    esac
    printf '%s\n' "$line"
done | /usr/bin/mariadb "$@"
[ ! -e ends ] || { rm ends; echo 'ERROR 2013 (HY000) at line 3: Lost connection to server' >&2; exit 1; }"#;
    let paths = dump(lost).succeeds().paths();
    assert!(env.path("lost").exists());
    let counted = planted::header(&paths[0]).facts.tables;
    assert_eq!(counted.len(), 1);
    let restore = format!("restore {} {}", paths[0].display(), server.url("again"));
    env.run(&restore).succeeds();
    assert_eq!(server.sql("again", "SELECT a FROM t"), "1\n2");
    for (sed, error) in [
        ("s/^SHOW GRANTS/SHOW GRANTZ/", "ERROR 1064 (42000)"),
        // A limit that cannot be read may be one that hides rows.
        (
            "s/@@SESSION.sql_select_limit/unknown/",
            "ERROR 1054 (42S22)",
        ),
    ] {
        dump(&edit_questions("/usr/bin/mariadb", sed)).fails(1, error);
    }
    assert_eq!(env.names().len(), 1);
}
