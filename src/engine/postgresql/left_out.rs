//! Tables that the user leaves out of a dump, and tables whose rows the user leaves out.

use anyhow::{Context, Result, anyhow, ensure};
use serde::Deserialize;

use super::pattern::{write_condition, write_patterns};
use super::session::Session;
use crate::header::LeftOut;

/// The most objects that an error lists.
const LISTED: usize = 12;

/// What the patterns of a [`LeftOut`] select in a database.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Selected {
    /// The tables that the dump lacks: schema and name.
    tables: Vec<(String, String)>,
    /// The tables that the dump holds without rows.
    rows: Vec<(String, String)>,
    /// The OIDs of [`Selected::tables`].
    oids: Vec<u32>,
    /// The OIDs of [`Selected::rows`].
    oids_of_rows: Vec<u32>,
    /// The tables without rows by their names in [`crate::header::Facts::tables`].
    pub(super) emptied: Vec<String>,
}

/// The answer to the query for [`Selected`].
#[derive(Deserialize)]
struct Answer {
    #[serde(flatten)]
    selected: Selected,
    /// The numbers of the patterns that select no table.
    unmatched: Vec<usize>,
    /// What the dump would hold and could not be restored without what is left out.
    needed: Vec<String>,
}

impl Selected {
    /// Asks the server which tables the patterns select. A partitioned table stands for its
    /// partitions.
    ///
    /// # Errors
    /// One sentence, when a pattern selects no table, or the dump could not be restored because what
    /// it holds needs what is left out.
    pub(super) fn find(session: &mut Session, database: &str, left_out: &LeftOut) -> Result<Self> {
        if left_out.is_nothing() {
            return Ok(Selected::default());
        }
        let tables = left_out.tables.iter().map(|pattern| ("table", pattern));
        let rows = left_out.rows.iter().map(|pattern| ("rows", pattern));
        let patterns: Vec<_> = tables.chain(rows).collect();
        let matched: Vec<_> = patterns
            .iter()
            .enumerate()
            .map(|(number, (kind, pattern))| {
                let condition = write_condition(pattern).map_err(|why| anyhow!(why))?;
                let kinds = match *kind {
                    "rows" => "'r', 'p', 'm'",
                    _ => "'r', 'p', 'm', 'v', 'f', 'S'",
                };
                Ok(format!(
                    "SELECT '{kind}', {number}, oid FROM relation
                    WHERE relkind IN ({kinds}) AND {condition}"
                ))
            })
            .collect::<Result<_>>()?;
        let query = QUERY
            .replace("$MATCHED", &matched.join(" UNION ALL "))
            .replace("$NUMBER", &patterns.len().to_string())
            .replace("$LISTED", &LISTED.to_string());
        let answer = session.ask(&query);
        let answer: Answer = answer.context("cannot read PostgreSQL's catalogue")?;
        let unmatched = answer.unmatched.iter().map(|number| patterns[*number]);
        let unmatched: Vec<_> = unmatched
            .map(|(kind, pattern)| format!("--exclude-{kind} {pattern}"))
            .collect();
        ensure!(
            unmatched.is_empty(),
            "{database} has no table for {}; the name of a table changed, or the pattern is wrong",
            unmatched.join(", ")
        );
        ensure!(
            answer.needed.is_empty(),
            "a dump of {database} could not be restored without what is left out: {}; leave these out too",
            answer.needed.join(", ")
        );
        Ok(answer.selected)
    }

    /// Returns the arguments of `pg_dump` for what is left out.
    pub(super) fn arguments(&self) -> impl Iterator<Item = String> {
        let tables = write_patterns(&self.tables).into_iter();
        let rows = write_patterns(&self.rows).into_iter();
        let tables = tables.map(|pattern| format!("--exclude-table={pattern}"));
        tables.chain(rows.map(|pattern| format!("--exclude-table-data={pattern}")))
    }

    /// Returns the SQL array of the OIDs of the tables that the dump lacks.
    pub(super) fn oids(&self) -> String {
        write_array(self.oids.iter())
    }

    /// Returns the SQL array of the OIDs of the tables whose rows the dump lacks.
    pub(super) fn oids_without_rows(&self) -> String {
        write_array(self.oids.iter().chain(&self.oids_of_rows))
    }
}

/// Returns an SQL array of OIDs.
fn write_array<'a>(oids: impl Iterator<Item = &'a u32>) -> String {
    let oids: Vec<_> = oids.map(u32::to_string).collect();
    format!("'{{{}}}'::oid[]", oids.join(","))
}

/// The query for [`Answer`]. `pg_dump` dumps no temporary tables.
const QUERY: &str = "
WITH RECURSIVE relation AS (
    SELECT c.oid, nspname, relname, relkind FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    WHERE relpersistence <> 't' AND nspname !~ '^pg_' AND nspname <> 'information_schema'),
matched (kind, number, oid) AS ($MATCHED),
chosen (kind, oid) AS (
    SELECT kind, oid FROM matched
    UNION
    SELECT kind, inhrelid FROM chosen JOIN pg_inherits ON inhparent = chosen.oid
        JOIN pg_class c ON c.oid = inhrelid AND relispartition),
gone AS (SELECT oid FROM chosen WHERE kind = 'table'),
emptied AS (SELECT oid FROM chosen WHERE kind = 'rows' AND oid NOT IN (SELECT oid FROM gone)),
row_type AS (
    SELECT t.oid FROM pg_type t WHERE typrelid IN (SELECT oid FROM gone)
    UNION ALL
    SELECT typarray FROM pg_type t WHERE typrelid IN (SELECT oid FROM gone) AND typarray <> 0),
dependent AS (
    SELECT classid, objid, objsubid, CASE classid
        WHEN 'pg_class'::regclass THEN objid
        WHEN 'pg_rewrite'::regclass THEN (SELECT ev_class FROM pg_rewrite r WHERE r.oid = objid)
        WHEN 'pg_constraint'::regclass THEN (SELECT conrelid FROM pg_constraint c WHERE c.oid = objid)
        WHEN 'pg_attrdef'::regclass THEN (SELECT adrelid FROM pg_attrdef a WHERE a.oid = objid)
        WHEN 'pg_trigger'::regclass THEN (SELECT tgrelid FROM pg_trigger t WHERE t.oid = objid)
        WHEN 'pg_policy'::regclass THEN (SELECT polrelid FROM pg_policy p WHERE p.oid = objid)
        END AS owner
    FROM pg_depend WHERE deptype = 'n'
        AND (refclassid = 'pg_class'::regclass AND refobjid IN (SELECT oid FROM gone)
            OR refclassid = 'pg_type'::regclass AND refobjid IN (SELECT oid FROM row_type))),
needed (what) AS (
    SELECT CASE classid WHEN 'pg_rewrite'::regclass THEN (
            SELECT CASE relkind WHEN 'm' THEN 'materialized ' ELSE '' END || 'view ' || owner::regclass
            FROM pg_class c WHERE c.oid = owner)
        ELSE pg_describe_object(classid, objid, objsubid) END
    FROM dependent WHERE owner IS NULL OR owner NOT IN (SELECT oid FROM gone)
    UNION
    SELECT pg_describe_object('pg_constraint'::regclass, c.oid, 0)
    FROM pg_constraint c WHERE contype = 'f' AND convalidated
        AND confrelid IN (SELECT oid FROM emptied)
        AND conrelid NOT IN (SELECT oid FROM gone UNION ALL SELECT oid FROM emptied))
SELECT json_build_object(
    'tables', (SELECT coalesce(json_agg(json_build_array(nspname, relname) ORDER BY nspname, relname), '[]')
        FROM relation WHERE oid IN (SELECT oid FROM gone)),
    'rows', (SELECT coalesce(json_agg(json_build_array(nspname, relname) ORDER BY nspname, relname), '[]')
        FROM relation WHERE oid IN (SELECT oid FROM emptied)),
    'oids', (SELECT coalesce(json_agg(oid::bigint), '[]') FROM gone),
    'oids_of_rows', (SELECT coalesce(json_agg(oid::bigint), '[]') FROM emptied),
    'emptied', (SELECT coalesce(json_agg(oid::regclass::text), '[]') FROM relation
        WHERE relkind = 'r' AND oid IN (SELECT oid FROM emptied)),
    'unmatched', (SELECT coalesce(json_agg(n), '[]') FROM generate_series(0, $NUMBER - 1) n
        WHERE n NOT IN (SELECT number FROM matched)),
    'needed', (SELECT coalesce(json_agg(what), '[]')
        FROM (SELECT what FROM needed ORDER BY what LIMIT $LISTED) first))";
