//! Drills of MariaDB dumps.

use super::Server;
use crate::servers::confined::HangingDrill;
use crate::servers::drilled::{
    assert_works_below_a_long_path, drill, fails, is_not_provable, skips_unchanged, with_text,
};
use crate::support::Env;

fn server() -> Server {
    let server = Server::start();
    server.sql("", "CREATE DATABASE app; CREATE USER maker@localhost");
    server.sql(
        "app",
        "CREATE TABLE t (v INT); INSERT INTO t SELECT seq FROM seq_1_to_9;
         CREATE DEFINER = maker@localhost VIEW seen AS SELECT v FROM t;
         CREATE EVENT e ON SCHEDULE EVERY 1 SECOND DO INSERT INTO t VALUES (0)",
    );
    server
}

#[test]
#[ignore = "needs MariaDB"]
fn what_verifies_and_does_not_restore_or_lost_a_table_fails() {
    let env = Env::new();
    let server = server();
    let dump = env.dump(&server.url("app"));
    let run = drill(&env, "").succeeds();
    assert!(run.stdout.contains("1 table with 9 rows"), "{run:?}");

    let broken = |text: String| text.replace("INSERT INTO `t`", "INSERT IN `t`");
    fails(&env, &with_text(&dump, broken), "ERROR 1064");
    let renamed = |text: String| text.replace("`t`", "`u`");
    fails(&env, &with_text(&dump, renamed), "the table t is missing");
    drill(&env, "").succeeds();
    env.run("status").succeeds();

    assert_works_below_a_long_path(&env);
}

#[test]
#[ignore = "needs MariaDB"]
fn a_database_that_did_not_change_is_skipped() {
    let env = Env::new();
    let server = server();
    skips_unchanged(&env, &server.url("app"), || {
        server.sql("app", "INSERT INTO t VALUES (10)");
    });
}

#[test]
#[ignore = "needs MariaDB"]
fn a_drill_is_confined_and_stays_closed_when_it_is_killed() {
    let env = Env::new();
    let server = server();
    let dump = env.dump(&server.url("app"));
    let slow = with_text(&dump, |text| {
        let lock = "LOCK TABLES `t` WRITE;";
        text.replace(lock, &format!("SELECT SLEEP(600);\n{lock}"))
    });
    let hanging = HangingDrill::start(&env, &slow, "--binary-mode");
    hanging.is_confined();
    hanging.leaves_nothing_open_when_killed(&env);
}

#[test]
#[ignore = "needs MariaDB"]
fn no_user_of_a_drill_may_do_more_than_its_own() {
    let env = Env::new();
    let server = server();
    let dump = env.dump(&server.url("app"));
    let asking = with_text(&dump, |text| {
        let lock = "LOCK TABLES `t` WRITE;";
        let ask = "SET @mighty = (SELECT count(*) FROM mysql.user WHERE user NOT IN ('root', 'mariadb.sys')
                AND (super_priv = 'Y' OR file_priv = 'Y' OR insert_priv = 'Y'));
            SET @open = (SELECT count(*) FROM mysql.global_priv WHERE user = 'root' AND host = 'localhost'
                AND JSON_VALUE(priv, '$.authentication_string') = '');
            SET @then = IF(@mighty + @open > 0, 'SELECT mighty_or_open', 'SELECT 1');
            PREPARE then_do FROM @then; EXECUTE then_do;";
        text.replace(lock, &format!("{ask}\n{lock}"))
    });
    let run = drill(&env, &asking.display().to_string()).succeeds();
    assert!(run.stdout.contains("restored in"), "{run:?}");
}

#[test]
#[ignore = "needs MariaDB"]
fn what_the_server_had_the_throwaway_server_has() {
    let env = Env::new();
    let server = Server::start_with("--skip-networking --lower-case-table-names=1");
    let outside = server.directory().join("outside");
    std::fs::create_dir(&outside).unwrap();
    crate::servers::give_to("mysql", &outside);
    for plugin in ["ha_archive", "ha_blackhole", "auth_ed25519"] {
        server.sql("", &format!("INSTALL SONAME '{plugin}'"));
    }
    server.sql(
        "",
        "CREATE DATABASE app; SET GLOBAL max_allowed_packet = 1073741824",
    );
    server.sql(
        "",
        "CREATE USER keyed@localhost IDENTIFIED VIA ed25519 USING PASSWORD('x')",
    );
    server.sql(
        "mysql",
        "INSERT INTO time_zone VALUES (1, 'N'); INSERT INTO time_zone_name VALUES ('Europe/Berlin', 1);
         INSERT INTO time_zone_transition_type VALUES (1, 0, 3600, 0, 'CET')",
    );
    server.sql("", "FLUSH TABLES");
    server.sql(
        "app",
        &format!(
            "CREATE TABLE old (v INT) ENGINE=ARCHIVE; INSERT INTO old VALUES (1);
             CREATE TABLE gone (v INT) ENGINE=BLACKHOLE;
             CREATE TABLE far (v INT) ENGINE=InnoDB DATA DIRECTORY='{}';
             INSERT INTO far VALUES (2);
             CREATE TABLE wide (v LONGBLOB); INSERT INTO wide SELECT REPEAT('x', 20 << 20);
             SET time_zone = 'Europe/Berlin';
             CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM far",
            outside.display()
        ),
    );
    let inside = || {
        let mut found = crate::support::names(&outside.join("app"));
        found.sort();
        found
    };
    let dump = env.dump(&server.url("app"));
    let before = inside();
    assert!(!before.is_empty(), "nothing is outside");
    let run = drill(&env, &dump.display().to_string()).succeeds();
    assert!(run.stdout.contains("restored in"), "{run:?}");
    assert_eq!(inside(), before);
    env.run(&format!("dump --to all {}", server.url("")))
        .succeeds();
    let run = drill(&env, "all").succeeds();
    assert_eq!(run.stdout.matches("restored in").count(), 2, "{run:?}");
}

#[test]
#[ignore = "needs MariaDB"]
fn what_needs_another_database_is_not_provable() {
    let env = Env::new();
    let server = server();
    server.sql("", "CREATE DATABASE other; CREATE TABLE other.far (v INT)");
    server.sql("app", "CREATE VIEW both_ways AS SELECT v FROM other.far");
    let dump = env.dump(&server.url("app"));
    is_not_provable(&env, &dump, "another database");
}

/// Rows of a FEDERATED table are on another server, which a drill does not reach.
#[test]
#[ignore = "needs MariaDB"]
fn a_federated_table_is_not_provable_and_restores_where_its_server_answers() {
    let env = Env::new();
    let far = Server::start();
    far.sql(
        "",
        "CREATE DATABASE far; CREATE TABLE far.t (v TEXT); INSERT INTO far.t VALUES ('there')",
    );
    let server = Server::start();
    server.sql("", "INSTALL SONAME 'ha_federatedx'; CREATE DATABASE app");
    server.sql("", &format!("CREATE SERVER far FOREIGN DATA WRAPPER mysql OPTIONS (SOCKET '{}/s', USER 'root', DATABASE 'far')", far.directory().display()));
    server.sql(
        "app",
        "CREATE TABLE mine (v TEXT); INSERT INTO mine VALUES ('here')",
    );
    let federated = format!(
        "CREATE TABLE t (v TEXT) ENGINE=FEDERATED CONNECTION='mysql://root@localhost:0{}/s/far/t'",
        far.directory().display()
    );
    if !server.try_sql("app", &federated).status.success() {
        server.sql(
            "app",
            "CREATE TABLE t (v TEXT) ENGINE=FEDERATED CONNECTION='far/t'",
        );
    }
    let dump = env.dump(&server.url("app"));
    is_not_provable(&env, &dump, "another server, which a drill does not reach");
    env.run(&format!(
        "restore {} {}",
        dump.display(),
        server.url("app_new")
    ))
    .succeeds();
    assert_eq!(
        server.sql("app_new", "SELECT v FROM t UNION ALL SELECT v FROM mine"),
        "there\nhere"
    );
}

#[test]
#[ignore = "needs MariaDB"]
fn an_encrypted_table_passes_a_drill_and_restores_where_the_server_has_the_key() {
    let env = Env::new();
    let keys = env.path("keys");
    std::fs::write(
        &keys,
        "1;0123456789abcdef0123456789abcdef\n7;fedcba9876543210fedcba9876543210\n",
    )
    .unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(&keys, open).unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(env.root(), open).unwrap();
    let server = Server::start_with(&format!(
        "--skip-networking --plugin-load-add=file_key_management --file-key-management-filename={}",
        keys.display()
    ));
    server.sql("", "CREATE DATABASE app");
    server.sql(
        "app",
        "CREATE TABLE t (v TEXT) ENCRYPTED=YES ENCRYPTION_KEY_ID=7; INSERT INTO t VALUES ('secret')",
    );
    let dump = env.dump(&server.url("app"));
    let run = drill(&env, "").succeeds();
    assert!(run.stdout.contains("1 table with 1 row,"), "{run:?}");
    let restore = |server: &Server, options: &str| {
        env.run(&format!(
            "restore {options} {} {}",
            dump.display(),
            server.url("app")
        ))
    };
    restore(&server, "--replace").succeeds();
    assert_eq!(server.sql("app", "SELECT v FROM t"), "secret");
    let without = Server::start();
    restore(&without, "").fails(1, "table t: ERROR 1005");
    assert!(!without.databases().contains("app"));
    // A key that no throwaway server has.
    let other = with_text(&dump, |text| {
        text.replace("`ENCRYPTION_KEY_ID`='7'", "`ENCRYPTION_KEY_ID`='4711'")
    });
    is_not_provable(&env, &other, "encryption or another option of the server");
}

#[test]
#[ignore = "needs MariaDB"]
fn a_row_that_is_too_long_for_the_server_is_refused_before_anything_is_replaced() {
    let env = Env::new();
    let server = Server::start();
    server.sql(
        "",
        "CREATE DATABASE app; SET GLOBAL max_allowed_packet = 1073741824",
    );
    server.sql(
        "app",
        "CREATE TABLE wide (v LONGBLOB); INSERT INTO wide SELECT REPEAT('x', 20 << 20)",
    );
    let dump = env.dump(&server.url("app"));
    server.sql("", "SET GLOBAL max_allowed_packet = 16777216");
    server.sql("app", "UPDATE wide SET v = 'old'");
    let restore = || {
        env.run(&format!(
            "restore --replace {} {}",
            dump.display(),
            server.url("app")
        ))
    };
    let said = "has a statement of 41.94 MB, and the server's max_allowed_packet is 16.78 MB; SET GLOBAL max_allowed_packet = 1073741824";
    let run = restore().fails(1, said);
    assert!(
        run.stderr.contains("the old database is as it was"),
        "{run:?}"
    );
    assert_eq!(server.sql("app", "SELECT v FROM wide"), "old");
    server.sql("", "SET GLOBAL max_allowed_packet = 1073741824");
    restore().succeeds();
    assert_eq!(server.sql("app", "SELECT LENGTH(v) FROM wide"), "20971520");
}
