//! A snapshot that `pg_dump` shares (`--snapshot`), and the number of rows in it. A restored
//! database is compared with these numbers.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Result;
use serde::de::DeserializeOwned;

use super::session::Session;
use crate::header::Rows;

/// The size in bytes up to which counting tables is cheap.
pub(super) const CHEAP: u64 = 64 << 20;

/// The tables to lock: the tables whose rows `pg_dump` dumps, and their partitioned parents. `$LEFT_OUT`
/// stands for the SQL array of the OIDs of the tables that are left out.
const DUMPED: &str = "pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    WHERE relkind IN ('r', 'p') AND relpersistence <> 't'
        AND nspname !~ '^pg_' AND nspname <> 'information_schema'
        AND c.oid <> ALL ($LEFT_OUT)
        AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
        AND NOT EXISTS (SELECT FROM pg_depend
            WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e'
                AND NOT EXISTS (SELECT FROM pg_extension e
                    WHERE e.oid = refobjid AND c.oid = ANY (extconfig)))";

/// True for the table `c` if planning a query of it can call a function of its owner with the rights
/// of the role that dumps: the planner evaluates what is constant in the expressions of indexes and
/// statistics. `pg_dump` reads rows without planning a query.
pub(super) const CALLS_FUNCTIONS: &str = "EXISTS (SELECT FROM pg_depend d
    WHERE (d.classid = 'pg_class'::regclass
            AND d.objid IN (SELECT indexrelid FROM pg_index WHERE indrelid = c.oid
                AND (indexprs IS NOT NULL OR indpred IS NOT NULL))
        OR d.classid = 'pg_statistic_ext'::regclass
            AND d.objid IN (SELECT s.oid FROM pg_statistic_ext s WHERE stxrelid = c.oid))
        AND refobjid >= 16384
        AND (refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass)
            OR refclassid = 'pg_type'::regclass
                AND refobjid IN (SELECT t.oid FROM pg_type t WHERE typtype = 'd')))";

/// The file of each dumped table, if the table has one.
pub(super) type Storage = HashMap<String, Option<u32>>;

/// Returns [`DUMPED`] without the tables whose OIDs are in the SQL array `left_out`.
pub(super) fn dumped(left_out: &str) -> String {
    DUMPED.replace("$LEFT_OUT", left_out)
}

/// Returns the query for [`Storage`]: the name and the file of each dumped table, without the tables
/// whose OIDs are in the SQL array `left_out`.
pub(super) fn storage(left_out: &str) -> String {
    let dumped = dumped(left_out);
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
        let dumped = dumped(&left_out);
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
    pub(super) fn rewritten(&mut self) -> Result<Vec<String>> {
        let dumped = dumped(&self.left_out);
        self.ask(&format!(
            "SELECT coalesce(json_agg(format('%I.%I', nspname, relname) ORDER BY c.oid), '[]')
            FROM {dumped} AND relfilenode <> 0
                AND pg_relation_filenode(c.oid) IS DISTINCT FROM relfilenode"
        ))
    }

    /// Counts the rows of tables, the smallest table first, until the tables are `counted` bytes
    /// large together. Counting reads these tables once more. A table that cannot be counted is
    /// left out: `pg_dump` will report why it cannot be read. If `is_live`, a table is also left out
    /// if counting it could call functions of its owner, or if its owner put a view in its place.
    ///
    /// # Errors
    /// When the server cannot be asked, in the server's words.
    pub(super) fn count(&mut self, counted: u64, is_live: bool) -> Result<()> {
        let script = count(counted, is_live, &self.left_out);
        let printed = self.session.run(&script)?;
        let lines = printed.lines().map(serde_json::from_str);
        self.rows = lines.collect::<Result<_, _>>()?;
        Ok(())
    }
}

/// Returns the script that counts rows. Each line that it prints is JSON. It counts a hundred
/// tables at a time, and after each time it releases the locks beyond the snapshot's own, because
/// the server has room for only some thousands of locks. It does not touch the tables whose OIDs are in
/// the SQL array `left_out`.
///
/// The list of tables is that of the snapshot, and a query goes by names. The owner of a table that the
/// snapshot does not lock can give its name to a view, which calls functions of the owner. So if
/// `is_live`, each hundred tables are locked, and then a statement fails unless the names still are of
/// these tables.
fn count(counted: u64, is_live: bool, left_out: &str) -> String {
    let calls = if is_live { CALLS_FUNCTIONS } else { "false" };
    let lock = "string_agg(format('ONLY %s', oid::regclass), ', ' ORDER BY oid)";
    let known = "string_agg(format('(%L::text, %s::oid)', oid::regclass, oid), ', ')";
    let steps = if is_live {
        format!(
            "'LOCK TABLE ' || {lock} || ' IN ACCESS SHARE MODE' AS lock,
        'SELECT FROM (VALUES ' || {known} || ') known (name, oid) HAVING 0 > 1 / (count(*) = count(*)
            FILTER (WHERE name::regclass::oid = oid AND pg_relation_filenode(oid) IS NOT NULL))::int' AS known,"
        )
    } else {
        String::new()
    };
    let skipped = if is_live { "NULL, NULL," } else { "" };
    let checked = if is_live { "lock, known," } else { "" };
    format!(
        "SET lock_timeout = '1s';
SET constraint_exclusion = off;
\\set ON_ERROR_STOP off
WITH relation AS (
    SELECT oid, relname, relkind, reltuples::bigint AS about, {calls} AS calls,
        sum(pg_relation_size(oid)) OVER (ORDER BY pg_relation_size(oid), oid) AS together
    FROM pg_class c WHERE relkind IN ('r', 'p') AND relpersistence <> 't'
        AND NOT (relpersistence = 'u' AND pg_is_in_recovery()) AND oid <> ALL ({left_out})
        AND relnamespace NOT IN (SELECT oid FROM pg_namespace
            WHERE nspname ~ '^pg_' OR nspname = 'information_schema')),
numbered AS (
    SELECT *, row_number() OVER (ORDER BY oid) / 100 AS batch FROM relation
    WHERE together <= {counted} AND NOT calls AND relkind = 'r'),
query AS (
    SELECT {steps} string_agg(format('SELECT json_build_array(%L, count(*)) FROM ONLY %s',
        oid::regclass::text, oid::regclass), ' UNION ALL ' ORDER BY oid) AS text
    FROM numbered GROUP BY batch
    UNION ALL
    SELECT {skipped} format('SELECT json_build_array(%L, json_build_object(''about'', %s))',
        oid::regclass::text, about)
    FROM relation WHERE (together > {counted} OR calls) AND about > 0
    UNION ALL
    SELECT {skipped} format('SELECT json_build_array(%L, 0)', oid::regclass::text)
    FROM relation WHERE relkind = 'p' AND together <= {counted} AND NOT calls)
SELECT 'SAVEPOINT counting', {checked} text, 'ROLLBACK TO SAVEPOINT counting' FROM query \\gexec
\\set ON_ERROR_STOP on
"
    )
}
