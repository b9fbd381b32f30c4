//! A dump restored under another name, next to the database it was made from: the copy uses only
//! its own objects, and the live database is as it was.

use super::Server;
use crate::servers::drilled::with_text;
use crate::support::Env;

/// SQL for a database whose objects name the database in every possible way.
const LIVE: &str = "
    CREATE TABLE own (i INT); INSERT INTO own VALUES (10);
    CREATE TABLE log (i INT);
    CREATE SEQUENCE numbers;
    CREATE TABLE numbered (n INT NOT NULL DEFAULT NEXTVAL(live.numbers), own INT, live INT);
    INSERT INTO numbered (own, live) VALUES (1, 2);
    CREATE TABLE live (live INT); INSERT INTO live VALUES (3);
    CREATE VIEW seen AS SELECT own.i, o.i AS other, f.live FROM live.own JOIN other.t o JOIN live.live f;
    CREATE VIEW alias AS SELECT live.i, own.i AS j, EXTRACT(YEAR FROM live.d) AS y
        FROM other.t live JOIN live.own own;
    DELIMITER //
    CREATE TRIGGER live.tr BEFORE INSERT ON live.own FOR EACH ROW INSERT INTO live.log VALUES (NEW.i)//
    CREATE PROCEDURE p() BEGIN
        -- it's in live.own
        INSERT INTO `live` . `own` VALUES (1);
        INSERT INTO log SELECT live.own.i FROM live.own;
        SELECT 'live.own';
    END//
    CREATE PROCEDURE homonym() BEGIN
        INSERT INTO live.log SELECT live.live FROM live WHERE live.live = 3;
    END//
    CREATE PROCEDURE homonyms() BEGIN
        INSERT live.log SELECT live FROM live WHERE live.live = 3;
        INSERT IGNORE live.log SELECT live.live FROM live;
        UPDATE LOW_PRIORITY live.log SET i = -3 WHERE i = (SELECT live FROM live);
        DELETE l FROM live.log l JOIN live ON l.i + live.live = 0;
    END//
    CREATE PROCEDURE hidden() SELECT live.live FROM live.live//
    CREATE FUNCTION counted() RETURNS INT RETURN (SELECT COUNT(*) FROM live.own) + 0 * live.zero()//
    CREATE FUNCTION zero() RETURNS INT RETURN 0//
    SET sql_mode = 'ANSI_QUOTES'//
    CREATE PROCEDURE quoted() INSERT INTO \"live\".log VALUES (7)//
    SET sql_mode = 'NO_BACKSLASH_ESCAPES'//
    CREATE PROCEDURE slashed() BEGIN SELECT '\\'; INSERT INTO live.log VALUES (8); END//
    SET sql_mode = DEFAULT//
    CREATE EVENT e ON SCHEDULE EVERY 1 SECOND DO INSERT INTO live.log VALUES (9)//
    CREATE EVENT asleep ON SCHEDULE EVERY 1 SECOND DISABLE DO INSERT INTO live.log VALUES (9)//
    DELIMITER ;
    ALTER DATABASE live CHARACTER SET utf8mb4;
";

fn live_server() -> Server {
    let server = Server::start();
    server.sql(
        "",
        "CREATE DATABASE other; CREATE TABLE other.t (i INT, d DATE); INSERT INTO other.t VALUES (5, '2026-01-01');
         CREATE DATABASE live CHARACTER SET latin1",
    );
    server.script("live", LIVE);
    server
}

/// Returns the definition of the database, the text of its objects, and its rows.
fn read_all(server: &Server, database: &str) -> String {
    server.sql("", &format!("SHOW CREATE DATABASE `{database}`")) + &server.read_all(database)
}

#[test]
#[ignore = "needs MariaDB"]
fn a_copy_uses_the_copy_and_the_live_database_is_as_it_was() {
    let env = Env::new();
    let server = live_server();
    let dump = env.dump(&server.url("live")).display().to_string();
    // These are the only differences between the live database and the dump.
    server.script(
        "live",
        "ALTER DATABASE live CHARACTER SET utf8mb3; DROP TRIGGER tr; UPDATE own SET i = -999; DROP VIEW seen",
    );
    let before = read_all(&server, "live");
    let run = env
        .run(&format!("restore {dump} {}", server.url("copy")))
        .succeeds();
    assert!(
        read_all(&server, "live") == before,
        "the live database changed"
    );
    for sentence in [
        "use other databases, as they did in live: view alias (other), view seen (other)",
        "in a string, which stays as it was in live: routine p\n",
        "disabled (ALTER EVENT ... ENABLE), and these were enabled in live: event e\n",
    ] {
        assert!(run.stderr.contains(sentence), "{run:?}");
    }
    let created = server.sql("", "SHOW CREATE DATABASE copy");
    assert!(created.contains("utf8mb4"), "{created}");
    server.script(
        "copy",
        "INSERT INTO own VALUES (11); CALL p(); CALL homonyms(); CALL homonym(); CALL hidden(); CALL quoted(); CALL slashed();
         INSERT INTO numbered (own) VALUES (3);",
    );
    let log = server.sql("copy", "SELECT GROUP_CONCAT(i ORDER BY i) FROM log");
    assert_eq!(log, "1,1,3,7,8,10,11,11");
    assert_eq!(
        server.sql("copy", "SELECT i FROM seen ORDER BY 1"),
        "1\n10\n11"
    );
    assert_eq!(
        server.sql("copy", "SELECT DISTINCT i, y FROM alias"),
        "5\t2026"
    );
    assert_eq!(server.sql("copy", "SELECT counted()"), "3");
    let events = "SELECT event_name, status FROM information_schema.events WHERE event_schema = 'copy' ORDER BY 1";
    assert_eq!(server.sql("", events), "asleep\tDISABLED\ne\tDISABLED");
    assert!(
        read_all(&server, "live") == before,
        "the live database changed"
    );

    // A replacement is first loaded as a copy. The old database has nothing that this copy needs.
    server.sql(
        "live",
        "DROP VIEW alias; DROP TABLE own, numbered; DROP SEQUENCE numbers; DROP FUNCTION zero",
    );
    let run = env
        .run(&format!("restore --replace {dump} {}", server.url("live")))
        .succeeds();
    assert!(!run.stderr.contains("WARN"), "{run:?}");
    assert_eq!(server.sql("live", "SELECT i, live FROM seen"), "10\t3");
    let events = events.replace("copy", "live");
    assert_eq!(server.sql("", &events), "asleep\tDISABLED\ne\tENABLED");
    server.sql("", "DROP DATABASE other; DROP DATABASE copy");
    let fresh = env.run(&format!("restore {dump} {}", server.url("fresh")));
    fresh.fails(1, "the dump cannot be loaded");
    assert!(!server.databases().contains("fresh"));
}

#[test]
#[ignore = "needs MariaDB"]
fn a_trial_load_that_fails_leaves_the_live_database_as_it_was() {
    let env = Env::new();
    let server = live_server();
    let dump = env.dump(&server.url("live"));
    server.script(
        "live",
        "ALTER DATABASE live CHARACTER SET utf8mb3; DROP TRIGGER tr",
    );
    let before = read_all(&server, "live");
    let broken = with_text(&dump, |text| {
        text.replace("VIEW `alias` AS select", "VIEW `alias` AS select nonsense")
    });
    env.run(&format!(
        "restore --replace {} {}",
        broken.display(),
        server.url("live")
    ))
    .fails(1, "the old database is as it was");
    assert!(
        read_all(&server, "live") == before,
        "the live database changed"
    );
}

#[test]
#[ignore = "needs MariaDB"]
fn a_body_that_cannot_be_renamed_is_named_and_stays_out_of_a_copy() {
    let env = Env::new();
    let server = Server::start();
    server.sql("", "CREATE DATABASE live; CREATE TABLE live.t (i INT)");
    server.script(
        "live",
        "DELIMITER //
         CREATE PROCEDURE dynamic() BEGIN PREPARE s FROM 'DELETE FROM live.t'; EXECUTE s; END//
         CREATE PROCEDURE unclear() SELECT live.i FROM t live, live.t//
         CREATE PROCEDURE dropping() DROP DATABASE IF EXISTS live//
         CREATE PROCEDURE newline() BEGIN PREPARE s FROM 'DELETE FROM\\nlive.t'; EXECUTE s; END//
         CREATE PROCEDURE indexing() BEGIN SELECT 1 FROM t live; DROP INDEX i ON live.t; END//
         CREATE FUNCTION undone() RETURNS INT RETURN (SELECT MAX(live.i) FROM t live, live.t)//
         CREATE VIEW broken_without AS SELECT undone()//
         CREATE PROCEDURE fine() SELECT 'livery'//",
    );
    let dump = env.dump(&server.url("live")).display().to_string();
    let before = read_all(&server, "live");
    let databases = server.databases();
    let sentence = "these name their database live where the name cannot be changed safely to copy: routine undone, routine dropping, routine dynamic, routine indexing, routine newline, routine unclear; restore it as live";
    env.run(&format!("restore {dump} {}", server.url("copy")))
        .fails(1, sentence);
    server.sql("", "CREATE DATABASE copy");
    env.run(&format!("restore --replace {dump} {}", server.url("copy")))
        .fails(1, sentence);
    server.sql("", "DROP DATABASE copy");
    assert_eq!(server.databases(), databases);
    env.run(&format!("restore --replace {dump} {}", server.url("live")))
        .succeeds();
    assert!(read_all(&server, "live") == before);
}

#[test]
#[ignore = "needs MariaDB"]
fn a_dump_that_turns_to_another_database_is_refused() {
    let env = Env::new();
    let server = live_server();
    let dump = env.dump(&server.url("live"));
    let before = read_all(&server, "live");
    let mut failed = Vec::new();
    for statement in [
        "USE other;",
        "/*!40000 ALTER DATABASE `other` CHARACTER SET utf8mb3 */;",
        "DROP DATABASE IF EXISTS other;",
        "CREATE TRIGGER other.tr BEFORE INSERT ON other.t FOR EACH ROW SET NEW.i = 1;",
    ] {
        let forged = with_text(&dump, |text| format!("{statement}\n{text}"));
        for name in ["copy", "another"] {
            let run = env.run(&format!(
                "restore {} {}",
                forged.display(),
                server.url(name)
            ));
            failed.push(run.fails(1, "a statement about another database, other"));
        }
    }
    assert!(read_all(&server, "live") == before);
    assert!(read_all(&server, "other").contains("`d` date"));
    assert!(!server.databases().contains("copy"));
}

/// The dump tries to run a command in each way that a client knows.
#[test]
#[ignore = "needs MariaDB"]
fn a_dump_runs_no_command_and_reads_no_file_of_the_client() {
    let env = Env::new();
    let server = live_server();
    let dump = env.dump(&server.url("other"));
    let touched = env.path("touched");
    let touch = format!("touch {}", touched.display());
    let commands = env.path("commands");
    std::fs::write(&commands, format!("\\! {touch}\nsystem {touch}\n")).unwrap();
    let secret = env.path("secret");
    std::fs::write(&secret, "s3cr3t\n").unwrap();
    let (commands, secret) = (commands.display(), secret.display());
    for attempt in [
        format!("\\! {touch}\n"),
        format!("system {touch}\n"),
        format!("source {commands}\n"),
        format!("\\. {commands}\n"),
        format!("SELECT 1 \\! {touch}\n;\n"),
        format!("SELECT 1;\\! {touch}\n"),
        format!("SELECT 1; system {touch}\n"),
        format!("delimiter \\!\nSELECT 1 \\! {touch}\n"),
        format!("DELIMITER //\nSELECT 1//system {touch}\nDELIMITER ;\n"),
        format!("/*! \\! {touch}\n */;\n"),
        format!("INSERT INTO t VALUES\n(1,NULL) \\! {touch}\n;\n"),
        format!("\\P {touch}\nSELECT 1;\n"),
        format!("\\T {}\nSELECT 1;\n", touched.display()),
        "\\e\n\\u mysql\n".to_owned(),
        format!(
            "CREATE TABLE stolen (v TEXT);\nLOAD DATA LOCAL INFILE '{secret}' INTO TABLE stolen;\n"
        ),
    ] {
        // Each attempt is made with and without the line that forbids client commands.
        for start in ["", "/*M!999999\\- enable the sandbox mode */ \n"] {
            let forged = with_text(&dump, |text| format!("{start}{attempt}{text}"));
            let run = env.run(&format!(
                "restore {} {}",
                forged.display(),
                server.url("copy")
            ));
            assert!(!touched.exists(), "{attempt}: {run:?}");
            if run.status == Some(0) {
                assert!(!attempt.contains("LOCAL"), "{run:?}");
                server.sql("", "DROP DATABASE copy");
            }
            assert!(!run.stdout.contains("s3cr3t") && !run.stderr.contains("s3cr3t"));
            assert!(!server.databases().contains("copy"), "{attempt}");
        }
    }
}
