//! Restores that fail leave everything as it was; `--replace` keeps what it replaces.

use super::Server;
use crate::servers::clients::with_fake;
use crate::support::{Env, Run};

/// Makes the database `app`, and a dump of it without its last row. Returns the dump's path as
/// well.
fn dumped(env: &Env) -> (Server, String) {
    let server = Server::start();
    server.sql(
        "",
        "CREATE DATABASE app CHARACTER SET latin1; CREATE TABLE app.t (v TEXT)",
    );
    server.sql("app", "INSERT INTO t VALUES ('a'), ('b')");
    let dump = env.dump(&server.url("app"));
    server.sql("app", "INSERT INTO t VALUES ('later')");
    (server, dump.display().to_string())
}

const ROWS: &str = "SELECT GROUP_CONCAT(v ORDER BY v) FROM t";

#[test]
#[ignore = "needs MariaDB"]
fn an_existing_database_is_replaced_only_when_asked_and_kept_as_a_dump() {
    let env = Env::new();
    let (server, dump) = dumped(&env);
    let url = server.url("app");
    env.run(&format!("restore {dump} {url}"))
        .fails(1, "--replace");
    assert_eq!(server.sql("app", ROWS), "a,b,later");
    let before = server.databases();
    env.run(&format!("restore --replace {dump} {url}"))
        .succeeds();
    assert_eq!(server.databases(), before);
    assert_eq!(server.sql("app", ROWS), "a,b");
    assert_eq!(
        server.sql("app", "SELECT @@character_set_database"),
        "latin1"
    );
    let names = env.names();
    assert_eq!(names.len(), 2);
    env.run(&format!("restore dump/{} {}", names[1], server.url("back")))
        .succeeds();
    assert_eq!(server.sql("back", ROWS), "a,b,later");
    // The next restore does not choose the dump of the replaced database.
    env.run(&format!("restore --replace dump {url}")).succeeds();
    assert_eq!(server.sql("app", ROWS), "a,b");
}

#[test]
#[ignore = "needs MariaDB"]
fn a_restore_that_fails_at_its_last_statement_leaves_nothing() {
    let env = Env::new();
    let server = Server::start();
    server.sql(
        "",
        "CREATE DATABASE other; CREATE TABLE other.t (a INT); CREATE DATABASE app",
    );
    server.sql("app", "CREATE TABLE t (v TEXT); INSERT INTO t VALUES ('x'); CREATE VIEW zzz AS SELECT a FROM other.t");
    let dump = env.dump(&server.url("app")).display().to_string();
    server.sql(
        "",
        "DROP DATABASE other; DELETE FROM app.t; INSERT INTO app.t VALUES ('old')",
    );
    let before = server.databases();
    for (options, name) in [("", "fresh"), ("--replace", "app")] {
        env.run(&format!("restore {options} {dump} {}", server.url(name)))
            .fails(1, "the dump cannot be loaded");
        assert_eq!(server.databases(), before);
        assert_eq!(server.sql("app", ROWS), "old");
    }
    assert_eq!(env.names().len(), 1);
}

#[test]
#[ignore = "needs MariaDB"]
fn a_client_without_a_sandbox_mode_is_not_shown_its_line() {
    let env = Env::new();
    let (server, dump) = dumped(&env);
    let text = Run::finish(env.command("gunzip").args(["-c", &dump]))
        .succeeds()
        .stdout;
    assert!(
        text.starts_with("/*M!999999\\- enable the sandbox mode"),
        "{text}"
    );
    let script = "[ \"$1\" = --help ] && { /usr/bin/mariadb --help | grep -v sandbox; exit; }
case \"$*\" in *--execute*|*--skip-reconnect*) exec /usr/bin/mariadb \"$@\";; *--binary-mode*) ;; *) exec /usr/bin/mariadb \"$@\";; esac
cat > fed
head -n 1 fed | grep -q sandbox && { echo 'Unknown command' >&2; exit 1; }
exec /usr/bin/mariadb \"$@\" < fed";
    let path = with_fake(&env, "mariadb", script);
    let restore = format!("restore {dump} {}", server.url("again"));
    Run::finish(env.program(&restore).env("PATH", path)).succeeds();
    assert_eq!(server.sql("again", ROWS), "a,b");
}

#[test]
#[ignore = "needs MariaDB"]
fn a_comment_comes_back_whatever_the_server_says_of_backslashes() {
    let env = Env::new();
    let server = Server::start_with("--skip-networking --sql-mode=NO_BACKSLASH_ESCAPES");
    server.sql(
        "",
        "CREATE DATABASE app COMMENT 'it''s \\ odd'; CREATE TABLE app.t (a INT)",
    );
    let dump = env.dump(&server.url("app")).display().to_string();
    env.run(&format!("restore {dump} {}", server.url("again")))
        .succeeds();
    let comments = "SELECT DISTINCT schema_comment FROM information_schema.schemata WHERE schema_name IN ('app', 'again')";
    assert_eq!(server.sql("", comments), "it's \\ odd");
}

#[test]
#[ignore = "needs MariaDB"]
fn an_older_server_and_another_makers_are_named() {
    let env = Env::new();
    let (server, dump) = dumped(&env);
    for (version, sentence) in [
        ("11.8.1-MariaDB", "which is older"),
        ("9.7.0", "another product"),
    ] {
        let script = format!(
            "case \"$*\" in *--skip-reconnect*) exec bash -c '/usr/bin/mariadb \"$@\" < <(
sed -u \"s/^SELECT version()/SELECT \\\"{version}\\\"/\")' bash \"$@\";; esac\nexec /usr/bin/mariadb \"$@\""
        );
        let url = server
            .url("app")
            .replace("/app?", &format!("/app{}?", version.len()));
        let path = with_fake(&env, "mariadb", &script);
        let mut made = env.program(&format!("dump --to {version} {}", server.url("app")));
        let made = Run::finish(made.env("PATH", path))
            .succeeds()
            .paths()
            .remove(0);
        let run = env
            .run(&format!("restore {} {url}", made.display()))
            .succeeds();
        assert!(run.stderr.contains(sentence), "{run:?}");
    }
    let run = env
        .run(&format!("restore {dump} {}", server.url("same")))
        .succeeds();
    assert!(!run.stderr.contains("the server is"), "{run:?}");
}
