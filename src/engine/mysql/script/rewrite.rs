//! Rewrites the dump of one database while it is loaded into another: where the dump names the
//! dumped database, it then names the target database.

use std::io;

use super::created::Created;
use super::lexer::{Encoding, TokenKind};
use super::located::ObjectSink;
use super::names::{ObjectKind, ObjectReference};
use super::statement::{Statement, StatementSink};
use super::uses::NameUse;
use crate::engine::mysql::sql::identifier;

/// The databases that every server has.
const OF_SERVERS: [&str; 4] = ["information_schema", "mysql", "performance_schema", "sys"];

/// The names of the dumped and the target database, and how to rewrite the dump.
#[derive(Debug, Clone, Copy)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a flag of its own, which no other one decides"
)]
pub(in super::super) struct Names<'a> {
    /// The name of the dumped database.
    pub(in super::super) own: &'a str,
    /// The name of the database that the dump is loaded into.
    pub(in super::super) target: &'a str,
    /// True if names of databases that differ only in case are the same name.
    pub(in super::super) ignore_case: bool,
    /// True if the loaded database is dropped again, so that nothing in it ever runs.
    pub(in super::super) is_rehearsal: bool,
    /// True if definers are left out, so that the restoring user is the definer of all objects.
    pub(in super::super) no_owner: bool,
}

/// What happened to objects. Each object is given by its kind and name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in super::super) struct RewriteReport {
    /// Objects that were left out, because they name the database where its name cannot be changed.
    pub(in super::super) refused: Vec<String>,
    /// Objects that have the database's name in a string, which stays as it is.
    pub(in super::super) quoting: Vec<String>,
    /// Objects that use other databases, whose names stay as they are.
    pub(in super::super) reaching: Vec<String>,
    /// Events that were enabled and are now disabled.
    pub(in super::super) disabled: Vec<String>,
}

/// Passes a dump on to `out`, with the target's name in place of the dumped database's name.
pub(in super::super) struct Rewriter<'a, W> {
    pub(in super::super) out: W,
    names: Names<'a>,
    pub(in super::super) report: RewriteReport,
    /// The length in bytes of the last statement that began, and of the longest one.
    length: u64,
    pub(in super::super) longest: u64,
    /// The objects that the dump creates, if it may drop only those.
    created: Option<&'a mut Created>,
}

type Edits = Vec<(usize, Vec<u8>)>;

impl<'a, W: ObjectSink> Rewriter<'a, W> {
    /// Returns a rewriter. If `created` is given, a `DROP ... IF EXISTS` of an object that the dump
    /// did not create is left out, so that an object of another session makes the dump's `CREATE`
    /// fail.
    pub(in super::super) fn new(
        out: W,
        names: Names<'a>,
        created: Option<&'a mut Created>,
    ) -> Self {
        Rewriter {
            out,
            names,
            report: RewriteReport::default(),
            length: 0,
            longest: 0,
            created,
        }
    }

    /// Takes the beginning of a statement, or the next part of it.
    fn measure(&mut self, text: &[u8], is_beginning: bool) {
        let before = if is_beginning { 0 } else { self.length };
        self.length = before + text.len() as u64;
        self.longest = self.longest.max(self.length);
    }

    fn is_own(&self, name: &str) -> bool {
        name == self.names.own
            || (self.names.ignore_case && name.to_lowercase() == self.names.own.to_lowercase())
    }

    fn is_copy(&self) -> bool {
        self.names.own != self.names.target
    }

    /// Returns the database that the token at `at` names, and whether it is the dumped database.
    fn database(&self, statement: &Statement<'_>, at: usize) -> Option<(String, bool)> {
        let name = statement.name(at)?;
        let is_own = self.is_own(&name);
        Some((name, is_own))
    }

    /// Returns the changes to a statement, or `None` if the statement must not be run.
    fn edits(
        &mut self,
        statement: &Statement<'_>,
        about: ObjectReference,
    ) -> io::Result<Option<Edits>> {
        let shown = describe(statement, about);
        let named = match about.object {
            ObjectKind::Database => Some(about.name),
            // A qualified name: the database, a dot, the object.
            _ if statement.is(about.name - 1, &["."]) => Some(about.name - 2),
            _ => None,
        };
        if let Some((name, false)) = named.and_then(|at| self.database(statement, at)) {
            return Err(io::Error::other(format!(
                "it holds a statement about another database, {name}, and a dump of {} has none; it was changed after it was made, or belongs to {name}",
                self.names.own
            )));
        }
        let mut edits: Edits = Vec::new();
        if self.names.no_owner {
            edits.extend(find_definer(statement, about).map(|at| (at, Vec::new())));
        }
        if !self.is_copy() {
            return Ok(Some(edits));
        }
        let target = identifier(self.names.target).into_bytes();
        edits.extend(named.map(|at| (at, target.clone())));
        if about.object == ObjectKind::Database {
            return Ok(Some(edits));
        }
        let body = self.body(statement, about);
        edits.extend(body.own.iter().map(|at| (*at, target.clone())));
        if about.object == ObjectKind::Event
            && let Some(at) = find_enable(statement, about)
        {
            edits.push((at, b"DISABLE".to_vec()));
            self.report.disabled.push(shown.clone());
        }
        if !body.others.is_empty() {
            let others = body.others.join(", ");
            self.report.reaching.push(format!("{shown} ({others})"));
        }
        if body.is_unclear && !self.names.is_rehearsal {
            self.report.refused.push(shown);
            return Ok(None);
        }
        if body.is_quoted {
            self.report.quoting.push(shown);
        }
        edits.sort();
        edits.dedup();
        Ok(Some(edits))
    }

    fn body(&self, statement: &Statement<'_>, about: ObjectReference) -> ObjectBody {
        let is_authored = !matches!(about.object, ObjectKind::Table | ObjectKind::View);
        let every = || 1..statement.tokens.len();
        let names: Vec<_> = every()
            .filter_map(|at| Some((at, statement.name(at)?)))
            .collect();
        let is_bare = |wanted: &str| {
            let same = |name: &str| name.to_lowercase() == wanted.to_lowercase();
            names
                .iter()
                .any(|(at, name)| *at != about.name && same(name) && statement.is_bare(*at))
        };
        // A table with the database's name is an alias, too: SELECT db.i FROM db.db.
        let is_table = |(at, name): &(usize, String)| {
            *at != about.name && self.is_own(name) && statement.is(at - 1, &["."])
        };
        let own_is_bare = is_bare(self.names.own) || names.iter().any(is_table);
        let is_row = about.object == ObjectKind::Trigger
            && ["new", "old"].contains(&self.names.own.to_lowercase().as_str());
        // In another encoding, the bytes of a name differ.
        let is_foreign = about.object != ObjectKind::Table && statement.encoding != Encoding::Utf8;
        let is_own_foreign = is_foreign && !self.names.own.is_ascii();
        let mut body = ObjectBody::default();
        for (at, name) in &names {
            if statement.qualifies(*at) || statement.names_database(*at) {
                body.is_unclear |= is_own_foreign && !is_plain(statement.token(*at));
            }
            if !statement.qualifies(*at) {
                body.is_unclear |= self.is_own(name) && statement.names_database(*at);
                continue;
            }
            // This is the name of the object itself.
            if at + 2 == about.name {
                continue;
            }
            // The name may be a pattern, as in GRANT.
            body.is_unclear |= name.contains('\\') && self.is_own(&name.replace('\\', ""));
            let used = match (is_authored, self.is_own(name)) {
                (false, _) => statement.use_in_written(*at),
                (true, true) if is_of_trigger(statement, about, *at) => NameUse::Database,
                (true, true) if is_row => NameUse::Unclear,
                (true, true) if own_is_bare => statement.use_in_authored(*at),
                (true, true) => NameUse::Database,
                (true, false) if statement.follows_table_word(*at) && !is_bare(name) => {
                    NameUse::Database
                }
                (true, false) => NameUse::Other,
            };
            match used {
                NameUse::Database if self.is_own(name) => body.own.push(*at),
                NameUse::Database => {
                    if !OF_SERVERS.contains(&name.to_lowercase().as_str())
                        && !body.others.contains(name)
                    {
                        body.others.push(name.clone());
                    }
                }
                NameUse::Unclear => body.is_unclear = true,
                NameUse::Other => {}
            }
        }
        let runs_text = every().any(|at| {
            statement.is(at, &["PREPARE"])
                || (statement.is(at, &["EXECUTE"]) && statement.is(at + 1, &["IMMEDIATE"]))
        });
        let strings = statement.tokens.iter();
        for token in strings.filter(|token| token.kind == TokenKind::Text) {
            let text = &statement.text[token.start + 1..(token.end - 1).max(token.start + 1)];
            let text = String::from_utf8_lossy(text);
            let has_own = [&*text, &unescape(&text)]
                .iter()
                .any(|text| has_word(text, self.names.own));
            let may_have = has_own || (is_own_foreign && !text.is_ascii());
            if is_authored && runs_text && may_have {
                body.is_unclear = true;
            } else if about.object != ObjectKind::Table && has_own {
                body.is_quoted = true;
            }
        }
        body.is_unclear |= is_foreign && !self.names.target.is_ascii() && !body.own.is_empty();
        body
    }
}

/// What was found in the text of an object.
#[derive(Debug, Default)]
struct ObjectBody {
    /// The indices of the tokens that name the dumped database and may be changed.
    own: Vec<usize>,
    others: Vec<String>,
    is_unclear: bool,
    is_quoted: bool,
}

impl<W: ObjectSink> StatementSink for Rewriter<'_, W> {
    fn pass_between(&mut self, text: &[u8]) -> io::Result<()> {
        self.out.write_all(text)
    }

    fn statement(&mut self, statement: &Statement<'_>) -> io::Result<()> {
        self.measure(statement.text, true);
        // Locks are left out: no other session uses the tables yet, and under a lock a sequence
        // gives no default value.
        if statement.is(0, &["LOCK"]) {
            return Ok(());
        }
        if let Some(created) = &mut self.created {
            if let Some(dropped) = statement.drops()
                && !created.contains(&dropped)
            {
                return Ok(());
            }
        }
        let edits = match statement.find_object() {
            Some(about) => {
                self.out.begin(describe(statement, about));
                self.edits(statement, about)?
            }
            None => Some(Vec::new()),
        };
        let Some(edits) = edits else {
            return Ok(());
        };
        let mut from = 0;
        for (at, new) in edits {
            let token = &statement.tokens[at];
            self.out.write_all(&statement.text[from..token.start])?;
            self.out.write_all(&new)?;
            from = token.end;
        }
        self.out.write_all(&statement.text[from..])?;
        match (&mut self.created, statement.creates()) {
            (Some(created), Some(object)) => {
                let confirm = created.add(object, statement.delimiter);
                self.out.write_all(&confirm)
            }
            _ => Ok(()),
        }
    }

    fn insert(&mut self, statement: &Statement<'_>) -> io::Result<()> {
        let table = statement.inserts_into().unwrap_or_default();
        self.out.begin(format!("rows of table {table}"));
        self.measure(statement.text, true);
        self.out.write_all(statement.text)
    }

    fn rows(&mut self, rows: &[u8]) -> io::Result<()> {
        self.measure(rows, false);
        self.out.write_all(rows)
    }
}

/// Returns the kind and the name of the object, such as `view v`.
fn describe(statement: &Statement<'_>, about: ObjectReference) -> String {
    let kind = match about.object {
        ObjectKind::Database => "database",
        ObjectKind::Table => "table",
        ObjectKind::View => "view",
        ObjectKind::Trigger => "trigger",
        ObjectKind::Event => "event",
        ObjectKind::Routine => "routine",
    };
    let name = statement.name(about.name).unwrap_or_default();
    format!("{kind} {name}")
}

/// Returns the range of the tokens of `DEFINER = user@host`, which stand before the object's name.
/// The range is empty if there is no definer.
fn find_definer(statement: &Statement<'_>, about: ObjectReference) -> std::ops::Range<usize> {
    let header = 0..about.name;
    let found = header
        .clone()
        .find(|at| statement.is(*at, &["DEFINER"]) && statement.is(at + 1, &["="]));
    let Some(first) = found else {
        return 0..0;
    };
    // A role has no host.
    let has_host = statement.is(first + 3, &["@"]);
    first..first + if has_host { 5 } else { 3 }
}

/// Returns true if the token at `at` names the database of the table that a trigger is on.
fn is_of_trigger(statement: &Statement<'_>, about: ObjectReference, at: usize) -> bool {
    let first = (about.name..statement.tokens.len()).find(|at| statement.is(*at, &["ON"]));
    about.object == ObjectKind::Trigger && first.is_some_and(|first| at == first + 1)
}

/// Returns the index of the `ENABLE` of an event, which stands before the event's `DO`.
fn find_enable(statement: &Statement<'_>, about: ObjectReference) -> Option<usize> {
    let mut tokens = about.name + 1..statement.tokens.len();
    tokens
        .find(|at| statement.is(*at, &["ENABLE", "DO"]))
        .filter(|at| statement.is(*at, &["ENABLE"]))
}

/// Returns true if the name has the same bytes in every encoding. In swe7, letters replace
/// brackets.
fn is_plain(name: &[u8]) -> bool {
    let inner = match name {
        [b'`' | b'"', inner @ .., _] => inner,
        name => name,
    };
    inner
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// Returns the text that a string stands for.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.push(match character {
            '\\' => match characters.next() {
                Some('n' | 't' | 'r' | 'b' | 'Z' | '0') | None => ' ',
                Some(escaped) => escaped,
            },
            character => character,
        });
    }
    plain.replace("''", "'").replace("\"\"", "\"")
}

fn has_word(text: &str, word: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || matches!(character, '_' | '$');
    let (text, word) = (text.to_lowercase(), word.to_lowercase());
    text.match_indices(&word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::StatementReader;
    use super::super::located::LocatingWriter;
    use super::*;

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
        let names = Names {
            own,
            target,
            ignore_case: false,
            is_rehearsal: false,
            no_owner: false,
        };
        let mut all = Vec::new();
        for size in [1, 5, 100_000] {
            let mut created = Created::new().unwrap();
            let mut script = StatementReader::new(Rewriter::new(
                LocatingWriter::new(Vec::new()),
                names,
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
        for one in &all {
            assert_eq!(*one, all[0]);
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
}
