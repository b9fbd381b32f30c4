//! A snapshot that `pg_dump` shares (`--snapshot`), and the number of rows in it. A restored
//! database is compared with these numbers.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Result;
use serde::de::DeserializeOwned;

use super::count;
use super::session::Session;
use crate::header::Rows;

/// The size in bytes up to which counting tables is cheap.
pub(super) const CHEAP: u64 = 64 << 20;

/// The tables to lock: the tables whose rows `pg_dump` dumps, and their partitioned parents. `$LEFT_OUT`
/// stands for the SQL array of the OIDs of the tables that are left out. Of a table or a schema that was
/// dropped since the snapshot, the functions for privileges return NULL: `$GONE` stands for whether such
/// tables are meant, too.
const DUMPED: &str = "pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    WHERE relkind IN ('r', 'p') AND relpersistence <> 't'
        AND nspname !~ '^pg_' AND nspname <> 'information_schema'
        AND c.oid <> ALL ($LEFT_OUT)
        AND coalesce(has_schema_privilege(n.oid, 'USAGE'), $GONE)
        AND coalesce(has_table_privilege(c.oid, 'SELECT'), $GONE)
        AND NOT EXISTS (SELECT FROM pg_depend
            WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e'
                AND NOT EXISTS (SELECT FROM pg_extension e
                    WHERE e.oid = refobjid AND c.oid = ANY (extconfig)))";

/// The file of each dumped table, if the table has one.
pub(super) type Storage = HashMap<String, Option<u32>>;

/// Returns [`DUMPED`] without the tables whose OIDs are in the SQL array `left_out`.
pub(super) fn query_dumped(left_out: &str) -> String {
    let dumped = DUMPED.replace("$GONE", "false");
    dumped.replace("$LEFT_OUT", left_out)
}

/// Returns the query for [`Storage`]: the name and the file of each dumped table, without the tables
/// whose OIDs are in the SQL array `left_out`.
pub(super) fn query_storage(left_out: &str) -> String {
    let dumped = query_dumped(left_out);
    format!(
        "SELECT coalesce(json_object_agg(format('%I.%I', nspname, relname),
            pg_relation_filenode(c.oid)::bigint), '{{}}') FROM {dumped} AND relkind = 'r'"
    )
}

/// A transaction that is held open, and the session that runs queries in it.
pub(super) struct Snapshot {
    /// The identifier of the snapshot that `pg_dump --snapshot` expects.
    pub(super) id: String,
    /// The exact or estimated number of rows of each table, if it is known.
    pub(super) rows: HashMap<String, Rows>,
    /// The SQL array of the OIDs of the tables that are left out of the dump.
    left_out: String,
    /// The session of the transaction, which ends when this is dropped.
    session: Session,
}

impl Snapshot {
    /// Begins a transaction in `session`. It first locks each dumped table, for which it waits as
    /// long as `locks` says (`None` takes no locks), and then takes the snapshot. TRUNCATE and
    /// those ALTER TABLE statements that rewrite a table leave nothing that an older snapshot could
    /// see. Because the locks come before the snapshot, no such statement can run between the
    /// snapshot and the locks of `pg_dump`. `left_out` is the SQL array of the OIDs of the tables that
    /// are left out of the dump.
    ///
    /// # Errors
    /// When the server grants no lock or shares no snapshot, in the server's words.
    pub(super) fn take(
        session: Session,
        locks: Option<Duration>,
        left_out: String,
    ) -> Result<Self> {
        let dumped = query_dumped(&left_out);
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        let begin = match locks {
            None => format!("{begin};"),
            // A statement that \gexec runs takes no snapshot: the list of tables is read before the
            // transaction begins.
            Some(wait) => format!(
                "SET lock_timeout = {};
SELECT '{begin}', (SELECT 'LOCK TABLE '
        || string_agg(format('ONLY %I.%I', nspname, relname), ', ' ORDER BY c.oid)
        || ' IN ACCESS SHARE MODE' FROM {dumped}) \\gexec",
                wait.as_millis().max(1) // 0 would mean no limit
            ),
        };
        let mut snapshot = Snapshot {
            id: String::new(),
            rows: HashMap::new(),
            left_out,
            session,
        };
        snapshot.id = snapshot.ask(&format!("{begin}\nSELECT to_json(pg_export_snapshot())"))?;
        Ok(snapshot)
    }

    /// Returns the answer, in this snapshot, to a query for one JSON value.
    ///
    /// # Errors
    /// When the server cannot be asked, in the server's words.
    pub(super) fn ask<T: DeserializeOwned>(&mut self, query: &str) -> Result<T> {
        self.session.ask(query)
    }

    /// Returns the tables that the snapshot does not show as they were: their storage has changed
    /// since, or is gone. After `pg_dump` holds its locks, no other table can change like this.
    ///
    /// # Errors
    /// When the server cannot be asked, in the server's words.
    pub(super) fn find_rewritten(&mut self) -> Result<Vec<String>> {
        let dumped = DUMPED.replace("$GONE", "true");
        let dumped = dumped.replace("$LEFT_OUT", &self.left_out);
        self.ask(&format!(
            "SELECT coalesce(json_agg(format('%I.%I', nspname, relname) ORDER BY c.oid), '[]')
            FROM {dumped} AND relfilenode <> 0
                AND pg_relation_filenode(c.oid) IS DISTINCT FROM relfilenode"
        ))
    }

    /// Counts the rows of tables, the smallest table first, until the tables are `counted` bytes
    /// large together. Counting reads these tables once more. A table that cannot be counted is
    /// left out: `pg_dump` will report why it cannot be read. If `is_live`, the database belongs to
    /// another user, and no function of that user is called; otherwise all functions are trusted.
    ///
    /// # Errors
    /// When the server cannot be asked, in the server's words.
    pub(super) fn count(&mut self, counted: u64, is_live: bool) -> Result<()> {
        self.rows = if is_live {
            count::count_without_queries(&mut self.session, counted, &self.left_out)?
        } else {
            count::count_by_queries(&mut self.session, counted, &self.left_out)?
        };
        Ok(())
    }
}
