//! A snapshot that `pg_dump` shares (`--snapshot`), and what was counted in it: what a restored
//! database is compared with.

use std::collections::HashMap;
use std::io::Read;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::Server;
use super::server::literal;
use crate::child::Child;
use crate::header::Rows;
use crate::stop::Stop;

/// Up to this size in bytes counting is cheap.
pub(super) const CHEAP: u64 = 64 << 20;

/// The last line that the session prints before it waits.
const END: &str = "\"end\"";

/// A transaction that is held open.
pub(super) struct Snapshot {
    /// As `pg_dump --snapshot` wants it.
    pub(super) id: String,
    /// Rows by table, where something is known of them.
    pub(super) rows: HashMap<String, Rows>,
    /// Ends when it is dropped.
    _session: Child,
}

impl Snapshot {
    /// Begins a transaction in `database`.
    ///
    /// # Errors
    /// In the server's words, when it gives no snapshot to share.
    pub(super) fn take(server: &Server, database: &str, stop: Stop) -> Result<Self> {
        let (session, printed) = converse(server, database, EXPORT, stop)?;
        let id = printed.lines().next().unwrap_or_default();
        Ok(Snapshot {
            id: serde_json::from_str(id).context("the server gave no snapshot")?,
            rows: HashMap::new(),
            _session: session,
        })
    }

    /// The answer, in this snapshot, to a query for one JSON value.
    ///
    /// # Errors
    /// In the server's words, when it cannot be asked.
    pub(super) fn ask(
        &self,
        server: &Server,
        database: &str,
        query: &str,
        stop: Stop,
    ) -> Result<Value> {
        let script = format!("{};\n{query};\nCOMMIT;\n", within(&self.id).join(";\n"));
        let (_, printed) = converse(server, database, &script, stop)?;
        let answer = printed.lines().next().unwrap_or_default();
        serde_json::from_str(answer).with_context(|| format!("psql answered {answer:?}"))
    }

    /// Counts tables, the smallest first, until they are `counted` bytes large together: it reads
    /// them once more.
    ///
    /// # Errors
    /// In the server's words, when it cannot be asked.
    pub(super) fn count(
        &mut self,
        server: &Server,
        database: &str,
        counted: u64,
        stop: Stop,
    ) -> Result<()> {
        let (_, printed) = converse(server, database, &count(&self.id, counted), stop)?;
        let lines = printed.lines().filter(|line| *line != END);
        let rows = lines.map(serde_json::from_str);
        self.rows = rows.collect::<Result<_, _>>()?;
        Ok(())
    }
}

/// A session that has run `script`, and what it printed.
fn converse(server: &Server, database: &str, script: &str, stop: Stop) -> Result<(Child, String)> {
    let mut psql = server.psql(database);
    psql.args(["--no-align", "--tuples-only", "--file=-"]);
    let script = format!("{SETTINGS}{script}SELECT to_json('end'::text);\n");
    let mut session = Child::converse(&mut psql, "psql", script.as_bytes(), stop)?;
    let mut printed = Vec::new();
    let mut buffer = [0; 8192];
    while !printed.ends_with(format!("{END}\n").as_bytes()) {
        let read = session.read(&mut buffer)?;
        if read == 0 {
            session.finish()?;
            bail!("psql ended before its answer did");
        }
        printed.extend_from_slice(&buffer[..read]);
    }
    let printed = String::from_utf8(printed).context("a table's name is not UTF-8")?;
    Ok((session, printed))
}

const SETTINGS: &str = "SET lock_timeout = '1s';
SET row_security = off;
";

const EXPORT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT to_json(pg_export_snapshot());
";

/// Begins a transaction in an exported snapshot.
fn within(snapshot: &str) -> [String; 2] {
    [
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY".to_owned(),
        format!("SET TRANSACTION SNAPSHOT {}", literal(snapshot)),
    ]
}

/// Each line it prints is JSON. A hundred tables at a time, each time in a transaction of its own:
/// locks are held to its end, and the server has room for some thousands. A table that cannot be
/// counted is left out: what keeps it from being read, `pg_dump` will say.
fn count(snapshot: &str, counted: u64) -> String {
    let snapshot = literal(snapshot);
    format!(
        "\\set ON_ERROR_STOP off
WITH relation AS (
    SELECT oid, relname, reltuples::bigint AS about,
        sum(pg_relation_size(oid)) OVER (ORDER BY pg_relation_size(oid), oid) AS together
    FROM pg_class WHERE relkind = 'r' AND relpersistence <> 't'
        AND NOT (relpersistence = 'u' AND pg_is_in_recovery())
        AND relnamespace NOT IN (SELECT oid FROM pg_namespace
            WHERE nspname ~ '^pg_' OR nspname = 'information_schema')),
numbered AS (
    SELECT *, row_number() OVER (ORDER BY oid) / 100 AS batch FROM relation
    WHERE together <= {counted}),
query (text) AS (
    SELECT string_agg(format('SELECT json_build_array(%L, count(*)) FROM ONLY %s',
        oid::regclass::text, oid::regclass), ' UNION ALL ' ORDER BY oid)
    FROM numbered GROUP BY batch
    UNION ALL
    SELECT format('SELECT json_build_array(%L, json_build_object(''about'', %s))',
        oid::regclass::text, about)
    FROM relation WHERE together > {counted} AND about > 0)
SELECT 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY',
    format('SET TRANSACTION SNAPSHOT %L', {snapshot}), text, 'COMMIT' FROM query \\gexec
"
    )
}
