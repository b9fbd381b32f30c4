//! Tests of [`super::Rewriter`].

use std::io::Write;

use super::super::StatementReader;
use super::*;
use crate::engine::object_lines::LocatingWriter;

/// Returns the output and the report of loading the dump of `db` into `target`, in pieces of
/// any size.
fn passed(dump: &str, target: &str) -> (String, RewriteReport) {
    passed_from("db", dump.as_bytes(), target)
}

fn passed_from(own: &str, dump: &[u8], target: &str) -> (String, RewriteReport) {
    passed_into(own, dump, target, false)
}

fn passed_into(
    own: &str,
    dump: &[u8],
    target: &str,
    keeps_existing: bool,
) -> (String, RewriteReport) {
    let options = RewriteOptions {
        own,
        target,
        ignore_case: false,
        is_rehearsal: false,
        without_tables: false,
        no_owner: false,
    };
    let mut all = Vec::new();
    for size in [1, 5, 100_000] {
        let mut created = CreatedObjects::new().unwrap();
        let mut script = StatementReader::new(Rewriter::new(
            LocatingWriter::new(Vec::new()),
            options,
            keeps_existing.then_some(&mut created),
        ));
        for part in dump.chunks(size) {
            script.write_all(part).unwrap();
        }
        assert!(script.end().is_ok());
        let Rewriter { out, report, .. } = script.parts;
        let (out, _) = out.into_parts();
        let out = String::from_utf8_lossy(&out).into_owned();
        let is_own = |line: &&str| !line.ends_with(", @@error_count;");
        let lines: Vec<_> = out.split('\n').filter(is_own).collect();
        all.push((lines.join("\n"), report));
    }
    for result in &all {
        assert_eq!(*result, all[0]);
    }
    all.remove(0)
}

#[test]
fn a_dump_drops_only_what_it_created_if_others_must_be_kept() {
    let dump = "DROP TABLE IF EXISTS `t`;
CREATE TABLE `t` (a INT);
/*!50001 DROP VIEW IF EXISTS `v`*/;
/*!50001 CREATE VIEW `v` AS SELECT 1 AS `a`*/;
DROP SEQUENCE IF EXISTS db.s;
/*!50003 DROP FUNCTION IF EXISTS `t` */;
/*!50106 DROP EVENT IF EXISTS `e` */;
/*!50001 DROP VIEW IF EXISTS `v`*/;
/*!50001 CREATE VIEW `v` AS SELECT `t`.`a` FROM `t`*/;
";
    let (out, _) = passed_into("db", dump.as_bytes(), "db", true);
    let drops: Vec<_> = out.lines().filter(|line| line.contains("DROP")).collect();
    assert_eq!(drops, ["/*!50001 DROP VIEW IF EXISTS `v`*/;"], "{out}");
    assert_eq!(out.matches("CREATE").count(), 3, "{out}");
    assert_eq!(passed(dump, "db").0, dump);
}

#[test]
fn the_own_name_becomes_the_targets_where_it_names_a_database() {
    for (from, to) in [
        ("USE db;", "USE `new`;"),
        (
            "ALTER DATABASE `db` COLLATE x;",
            "ALTER DATABASE `new` COLLATE x;",
        ),
        ("ALTER DATABASE COLLATE x;", "ALTER DATABASE COLLATE x;"),
        (
            "/*!50003 CREATE*/ /*!50003 TRIGGER db.t AFTER INSERT ON `db` . `x` FOR EACH ROW SET @db.x = db.f('db.x') */;",
            "/*!50003 CREATE*/ /*!50003 TRIGGER `new`.t AFTER INSERT ON `new` . `x` FOR EACH ROW SET @db.x = `new`.f('db.x') */;",
        ),
        // An account, an alias and a column have the name of the database.
        (
            "CREATE DEFINER=`db`@`db` PROCEDURE `db`() SELECT db.x.a FROM db.x;",
            "CREATE DEFINER=`db`@`db` PROCEDURE `db`() SELECT `new`.x.a FROM `new`.x;",
        ),
        (
            "CREATE FUNCTION `f`() RETURN (SELECT db.a FROM x db);",
            "CREATE FUNCTION `f`() RETURN (SELECT db.a FROM x db);",
        ),
        (
            "CREATE VIEW `v` AS select `db`.`a` AS `a`,`db`.`x`.`b` AS `b` from (`o`.`t` `db` join `db`.`x`);",
            "CREATE VIEW `v` AS select `db`.`a` AS `a`,`new`.`x`.`b` AS `b` from (`o`.`t` `db` join `new`.`x`);",
        ),
        (
            "CREATE TABLE `t` (`db` int DEFAULT nextval(`db`.`s`), `x` text DEFAULT 'db.s');",
            "CREATE TABLE `t` (`db` int DEFAULT nextval(`new`.`s`), `x` text DEFAULT 'db.s');",
        ),
        (
            "CREATE EVENT `enable` ON SCHEDULE EVERY 1 DAY ENABLE DO SELECT 'ENABLE';",
            "CREATE EVENT `enable` ON SCHEDULE EVERY 1 DAY DISABLE DO SELECT 'ENABLE';",
        ),
        (
            "DELIMITER ;;\nCREATE PROCEDURE p() BEGIN DELETE FROM db.x; END ;;\nDELIMITER ;\nUSE db;",
            "DELIMITER ;;\nCREATE PROCEDURE p() BEGIN DELETE FROM `new`.x; END ;;\nDELIMITER ;\nUSE `new`;",
        ),
        (
            "SET sql_mode = 'NO_BACKSLASH_ESCAPES';CREATE FUNCTION f() RETURN '\\' + db.g();",
            "SET sql_mode = 'NO_BACKSLASH_ESCAPES';CREATE FUNCTION f() RETURN '\\' + `new`.g();",
        ),
        (
            "INSERT INTO `t` VALUES\n('USE db; db.x'),\n('\\n');\nUSE db;\n",
            "INSERT INTO `t` VALUES\n('USE db; db.x'),\n('\\n');\nUSE `new`;\n",
        ),
        (
            "/*M!999999\\- enable the sandbox mode */ \n-- USE db;\nUSE db;",
            "-- USE db;\nUSE `new`;",
        ),
    ] {
        let (out, report) = passed(from, "new");
        assert_eq!(out, to);
        assert!(report.refused.is_empty(), "{report:?}");
        if !from.starts_with("/*M!") {
            assert_eq!(passed(from, "db").0, from);
        }
    }
}

#[test]
fn no_use_of_the_own_name_is_overlooked_where_a_table_has_it_too() {
    let in_body = |text| format!("DELIMITER ;;\nCREATE PROCEDURE p() {text} ;;\nDELIMITER ;\n");
    // In each statement, the name of the database also stands alone, for a table.
    for renamed in [
        "INSERT db.log SELECT id FROM db",
        "INSERT IGNORE db.log SELECT id FROM db",
        "INSERT LOW_PRIORITY IGNORE INTO db.log SELECT id FROM db",
        "INSERT DELAYED db.log SELECT db.id FROM db",
        "REPLACE db.log SELECT id FROM db",
        "REPLACE LOW_PRIORITY db.log SELECT id FROM db",
        "UPDATE IGNORE db.t, db SET i = 1",
        "UPDATE LOW_PRIORITY db.t JOIN db SET i = 1",
        "DELETE x FROM db.t x JOIN db",
        "DELETE x FROM (db.t x JOIN db)",
        "BEGIN HANDLER db.t OPEN; SELECT 1 FROM db; END",
        "SELECT db.f (1) FROM db WHERE db.id IN (1)",
        "SELECT 1 FROM db JOIN db.t ON db.i = t.i",
        "SELECT COUNT(db.i), EXTRACT(YEAR FROM db.d) FROM db WHERE i IN (SELECT 1 FROM db.t)",
        "SELECT db.i FROM db.db",
        "BEGIN SELECT 1 FROM db; CREATE INDEX i ON db.t (a); END",
        "CREATE TEMPORARY TABLE db.t SELECT db.i FROM db",
    ] {
        let (out, report) = passed(&in_body(renamed), "new");
        assert!(out.contains("`new`."), "{renamed}: {out}");
        for word in ["log", "t", "f (1)", "db"] {
            assert!(!out.contains(&format!(" db.{word} ")), "{renamed}: {out}");
        }
        assert!(
            !out.contains("`new`.i") && !out.contains("`new`.d "),
            "{out}"
        );
        assert!(report.refused.is_empty(), "{renamed}: {report:?}");
    }
    for unclear in [
        "DELETE QUICK db.t FROM db.t JOIN db",
        "DELETE IGNORE db.t FROM db.t JOIN db",
        "DELETE FROM x USING (db.t JOIN db)",
        "BEGIN SELECT 1 FROM db JOIN x; DROP INDEX i ON db.t; END",
        "BEGIN SELECT 1 FROM db; GRANT SELECT ON db.* TO x; END",
        "BEGIN SELECT 1 FROM db; ALTER TABLE x RENAME db.t; END",
        "BEGIN SELECT 1 FROM db; CREATE TABLE x (i INT) ENGINE = MERGE UNION = (db.t); END",
        "BEGIN SELECT 1 FROM db; SHOW INDEX IN db.t; END",
        "BEGIN SELECT 1 FROM db; IF TRUE THEN db.p; END IF; END",
        "UPDATE (db.t JOIN db) SET i = 1",
    ] {
        let (out, report) = passed(&in_body(unclear), "new");
        assert_eq!(report.refused, ["routine p"], "{unclear}: {out}");
    }
}

#[test]
fn a_name_in_another_encoding_is_not_overlooked() {
    let with = |charset: &str, text: &[u8]| {
        let set =
            format!("/*!50003 SET character_set_client = {charset} */;\nCREATE PROCEDURE p() ");
        [set.as_bytes(), text].concat()
    };
    let texts: [&[u8]; 4] = [
        b"DELETE FROM h\xf6fe.t;",
        b"DELETE FROM db.t;",
        "DELETE FROM h\u{f6}fe.t;".as_bytes(),
        b"SELECT '\x83\x5c', db.f() + '';",
    ];
    for (own, target, charset, text, refused) in [
        ("h\u{f6}fe", "new", "latin1", texts[0], true),
        ("h\u{f6}fe", "new", "latin1", texts[1], false),
        ("h\u{f6}fe", "new", "utf8mb3", texts[2], false),
        ("db", "h\u{f6}fe", "latin1", texts[1], true),
        ("db", "new", "latin1", texts[1], false),
        ("db", "new", "sjis", texts[3], false),
    ] {
        let (out, report) = passed_from(own, &with(charset, text), target);
        assert_eq!(!report.refused.is_empty(), refused, "{charset}: {out}");
        let is_renamed = refused || !out.contains(&format!("{own}."));
        assert!(is_renamed, "{out}");
    }
}

#[test]
fn what_cannot_be_renamed_and_what_stays_is_reported() {
    for (body, refused) in [
        (
            "PROCEDURE p() BEGIN PREPARE s FROM 'DROP TABLE db.x'; EXECUTE s; END",
            true,
        ),
        (
            "PROCEDURE p() EXECUTE IMMEDIATE CONCAT('DROP TABLE ', 'db', '.x')",
            true,
        ),
        ("PROCEDURE p() SELECT db.a FROM x db, db.y", true),
        ("PROCEDURE p() ALTER DATABASE db COLLATE x", true),
        ("PROCEDURE p() DROP DATABASE db", true),
        ("PROCEDURE p() DROP DATABASE IF EXISTS db", true),
        ("PROCEDURE p() DROP SCHEMA IF EXISTS `db`", true),
        ("PROCEDURE p() CREATE DATABASE IF NOT EXISTS db", true),
        (
            "PROCEDURE p() BEGIN PREPARE s FROM 'DELETE FROM\\ndb.x'; EXECUTE s; END",
            true,
        ),
        ("PROCEDURE p() EXECUTE IMMEDIATE 'DELETE FROM \\db.x'", true),
        (
            "PROCEDURE p() BEGIN PREPARE s FROM 'DROP TABLE dbs.x'; EXECUTE s; END",
            false,
        ),
        ("PROCEDURE p() SELECT 'db.x'", false),
    ] {
        let report = passed(&format!("CREATE {body};"), "new").1;
        assert_eq!(!report.refused.is_empty(), refused, "{body}: {report:?}");
    }
    let (_, report) = passed(
        "CREATE VIEW `v` AS select 1 from `o`.`t` where `information_schema`.`x`.`a` = 'db';",
        "new",
    );
    assert_eq!(report.reaching, ["view v (o)"]);
    assert_eq!(report.quoting, ["view v"]);
    let (_, report) = passed(
        "CREATE PROCEDURE p() CALL run_sql('DELETE FROM\\ndb.t');",
        "new",
    );
    assert_eq!(report.quoting, ["routine p"]);
}
