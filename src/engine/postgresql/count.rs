//! Counts the rows of tables in a snapshot.
//!
//! To plan a query of a table, the server evaluates what is constant in the expressions of its
//! indexes and statistics, and so can call a function of the table's owner with the rights of the
//! role that asks. The owner can create such an index at any moment, and can put a view in the place
//! of a table that nobody has locked. So the tables of a live database are counted without a query:
//! `COPY table TO STDOUT` plans nothing, and refuses a view.

use std::collections::HashMap;
use std::fmt::Write;

use anyhow::Result;
use serde::Deserialize;

use super::session::Session;
use crate::header::Rows;

/// The number of tables that are counted at once. After them the locks beyond the snapshot's own are
/// released, because the server has room for only some thousands of locks.
const AT_ONCE: usize = 100;

/// The tables that may be counted: `$SIZE` stands for the size in bytes of what is read to count the
/// table `c`, `$LEFT_OUT` for the SQL array of the OIDs of the tables that are left out, `$COUNTED` for the
/// size up to which tables are counted.
const RELATION: &str = "WITH relation AS (
    SELECT oid, relkind, reltuples::bigint AS about, relname, relnamespace,
        coalesce(sum(size) OVER (ORDER BY size, oid), 0) <= $COUNTED AS counted
    FROM (SELECT *, $SIZE AS size FROM pg_class c) c
    WHERE relkind IN ('r', 'p') AND relpersistence <> 't'
        AND NOT (relpersistence = 'u' AND pg_is_in_recovery()) AND oid <> ALL ($LEFT_OUT)
        AND relnamespace NOT IN (SELECT oid FROM pg_namespace
            WHERE nspname ~ '^pg_' OR nspname = 'information_schema'))";

/// Returns [`RELATION`] with the values in the places of the words.
fn query_relation(size: &str, counted: u64, left_out: &str) -> String {
    let relation = RELATION.replace("$SIZE", size);
    let relation = relation.replace("$LEFT_OUT", left_out);
    relation.replace("$COUNTED", &counted.to_string())
}

/// Returns the number of rows of each table, counted by queries, which can call functions of the tables'
/// owners. For a table beyond the first `counted` bytes, it returns the server's estimate.
///
/// # Errors
/// When the server cannot be asked, in the server's words.
pub(super) fn count_by_queries(
    session: &mut Session,
    counted: u64,
    left_out: &str,
) -> Result<HashMap<String, Rows>> {
    let relation = query_relation("pg_relation_size(oid)", counted, left_out);
    let printed = session.run(&format!(
        "SET lock_timeout = '1s';
SET constraint_exclusion = off;
\\set ON_ERROR_STOP off
{relation},
query AS (
    SELECT string_agg(format('SELECT json_build_array(%L, count(*)) FROM ONLY %s',
        oid::regclass::text, oid::regclass), ' UNION ALL ' ORDER BY oid) AS text
    FROM (SELECT oid, row_number() OVER (ORDER BY oid) / {AT_ONCE} AS batch FROM relation
        WHERE counted AND relkind = 'r') numbered GROUP BY batch
    UNION ALL
    SELECT format('SELECT json_build_array(%L, json_build_object(''about'', %s))',
        oid::regclass::text, about)
    FROM relation WHERE NOT counted AND about > 0
    UNION ALL
    SELECT format('SELECT json_build_array(%L, 0)', oid::regclass::text)
    FROM relation WHERE counted AND relkind = 'p')
SELECT 'SAVEPOINT counting', text, 'ROLLBACK TO SAVEPOINT counting' FROM query \\gexec
\\set ON_ERROR_STOP on
"
    ))?;
    let lines = printed.lines().map(serde_json::from_str);
    Ok(lines.collect::<Result<_, _>>()?)
}

/// A table to count without a query.
#[derive(Deserialize)]
struct TableToCount {
    /// The name by which the dump's header knows the table.
    known_as: String,
    oid: u32,
    /// False for a partitioned table, which itself has no rows.
    has_rows: bool,
    /// True if the rows are to be counted, and false if the estimate is enough.
    counted: bool,
    about: i64,
}

/// Returns the number of rows of each table. It calls no function of the tables' owners. For a table
/// beyond the first `counted` bytes, it returns the server's estimate.
///
/// # Errors
/// When the server cannot be asked, in the server's words.
pub(super) fn count_without_queries(
    session: &mut Session,
    counted: u64,
    left_out: &str,
) -> Result<HashMap<String, Rows>> {
    // A column of a fixed length is never in a TOAST table. A table without pages has no rows, although the
    // index of its TOAST table has a page.
    let is_narrow = "EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0
        AND NOT attisdropped AND attgenerated = '' AND attlen > 0)";
    let size = format!(
        "CASE WHEN pg_relation_size(oid) = 0 OR {is_narrow} THEN pg_relation_size(oid)
        ELSE pg_table_size(oid) END"
    );
    let relation = query_relation(&size, counted, left_out);
    let list = format!(
        "{relation}
SELECT coalesce(json_agg(json_build_object('known_as', c.oid::regclass::text, 'oid', c.oid::bigint,
    'has_rows', relkind = 'r', 'counted', counted, 'about', about) ORDER BY c.oid), '[]')
FROM relation c;\n"
    );
    let printed = session.run(&write_trial(&list))?;
    let Some(list) = printed.lines().next() else {
        // Another session has locked a table that the snapshot does not lock.
        return Ok(HashMap::new());
    };
    let all: Vec<TableToCount> = serde_json::from_str(list)?;
    let mut rows = HashMap::new();
    let mut to_count = Vec::new();
    for table in all {
        match table {
            TableToCount {
                counted: false,
                about: ..=0,
                ..
            } => {}
            TableToCount {
                counted: false,
                about,
                known_as,
                ..
            } => {
                let about = about.unsigned_abs();
                rows.insert(known_as, Rows::About { about });
            }
            TableToCount {
                has_rows: false,
                known_as,
                ..
            } => {
                rows.insert(known_as, Rows::Exact(0));
            }
            table => to_count.push(table),
        }
    }
    for tables in to_count.chunks(AT_ONCE) {
        let printed = session.run(&write_script(tables))?;
        rows.extend(read_counts(tables, &printed));
    }
    Ok(rows)
}

/// The tables whose OIDs are in the SQL array `$OIDS`, each with its place in the array, from 1, and its name
/// in the snapshot as an SQL identifier with its schema.
const NAMED: &str = "(SELECT place, wanted.oid AS oid, format('%I.%I', nspname, relname) AS name
    FROM unnest($OIDS) WITH ORDINALITY AS wanted (oid, place)
    JOIN pg_class c ON c.oid = wanted.oid JOIN pg_namespace n ON n.oid = relnamespace) named";
/// The column of the table `named` that takes the least to read, in brackets, or nothing for a table without
/// columns.
const NARROWEST: &str = "coalesce((SELECT format(' (%I)', attname) FROM pg_attribute
    WHERE attrelid = named.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
    ORDER BY attlen < 0, attlen, attnum LIMIT 1), '')";

/// Counts three rows as [`write_script`] counts a table, to see that this psql knows how many rows a `COPY` has.
const TRIAL: &str = "COPY (VALUES (1), (2), (3)) TO STDOUT \\g /dev/null
\\echo :ROW_COUNT
";
const TRIAL_ROWS: &str = "3";

/// Returns the script that counts `tables`. It prints the number of rows of [`TRIAL`] and of each table; then a JSON
/// array, which says for each table whether it still has its name. psql discards the rows. Names of
/// tables stay on the server and in psql, because they may have no encoding.
fn write_script(tables: &[TableToCount]) -> String {
    let oids: Vec<_> = tables.iter().map(|table| table.oid.to_string()).collect();
    let named = NAMED.replace("$OIDS", &format!("ARRAY[{}]::oid[]", oids.join(", ")));
    let places = 1..=tables.len();
    // A place of a table that is gone gives no variable.
    let targets: Vec<_> = places
        .clone()
        .map(|place| {
            format!("max(name || column_) FILTER (WHERE place = {place}) AS target{place}")
        })
        .collect();
    let mut script = format!(
        "{TRIAL}SELECT {} FROM (SELECT place, name, {NARROWEST} AS column_ FROM {named} OFFSET 0) each \\gset\n",
        targets.join(", ")
    );
    for place in places {
        let _ = write!(
            script,
            "COPY :target{place} TO STDOUT \\g /dev/null
\\echo :ROW_COUNT
"
        );
    }
    let _ = writeln!(
        script,
        "SELECT json_agg(to_regclass(name)::oid IS NOT DISTINCT FROM oid ORDER BY place) FROM {named};"
    );
    write_trial(&script)
}

/// Returns a script that runs `statements` and waits a second for each lock. It keeps the transaction when a
/// statement fails, and releases the locks.
fn write_trial(statements: &str) -> String {
    format!(
        "SET lock_timeout = '1s';
\\set ON_ERROR_STOP off
SAVEPOINT counting;
{statements}ROLLBACK TO SAVEPOINT counting;
\\set ON_ERROR_STOP on
"
    )
}

/// Returns the counts in what [`write_script`] printed: none if one of the tables or the trial cannot be
/// counted, and none for a table whose name another table has meanwhile.
fn read_counts(tables: &[TableToCount], printed: &str) -> Vec<(String, Rows)> {
    let lines: Vec<_> = printed.lines().collect();
    let Some((kept_names, [TRIAL_ROWS, counts @ ..])) = lines.split_last() else {
        return Vec::new();
    };
    let kept_names: Vec<bool> = serde_json::from_str(kept_names).unwrap_or_default();
    if kept_names.len() != tables.len() || counts.len() != tables.len() {
        return Vec::new();
    }
    let counted = tables.iter().zip(counts).zip(kept_names);
    let counted = counted.filter(|(_, has_name)| *has_name);
    let counted = counted.filter_map(|((table, count), _)| {
        Some((table.known_as.clone(), Rows::Exact(count.parse().ok()?)))
    });
    counted.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_psql_counted_of_tables_that_have_their_names_is_taken() {
        let table = |known_as: &str| TableToCount {
            known_as: known_as.to_owned(),
            oid: 1,
            has_rows: true,
            counted: true,
            about: 0,
        };
        let tables = [table("a"), table("b")];
        let read = |printed: &str| read_counts(&tables, printed);
        let a = ("a".to_owned(), Rows::Exact(7));
        let b = ("b".to_owned(), Rows::Exact(0));
        assert_eq!(read("3\n7\n0\n[true, true]\n"), [a.clone(), b]);
        assert_eq!(read("3\n7\n0\n[true, false]\n"), [a]);
        for printed in [
            "",
            "3\n",
            // A psql that sets no ROW_COUNT after COPY.
            "0\n0\n0\n[true, true]\n",
            ":ROW_COUNT\n:ROW_COUNT\n:ROW_COUNT\n[true, true]\n",
            // A table that is gone: the transaction has failed.
            "3\n7\n0\n",
            "3\n7\n[true, true]\n",
        ] {
            assert_eq!(read(printed), [], "{printed}");
        }
    }
}
