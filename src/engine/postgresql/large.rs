//! The large tables of a database, whose rows several sessions read in ranges of pages.
//!
//! What such a table needs beside its rows is written as `pg_dump` writes it, so that the dump has
//! the same bytes whichever way the rows were read.

use std::cmp::Ordering;

use anyhow::Result;
use serde::Deserialize;

use super::script::entries::Entry;
use super::snapshot::{Snapshot, query_dumped};

/// The longest statement that locks all large tables, in bytes. With it, everything that a session
/// is told at first fits into a pipe.
const LONGEST_LOCK: usize = 48 << 10;

/// True for the table `c` if planning a query of it can call a function of its owner with the rights
/// of the role that dumps: the planner evaluates what is constant in the expressions of indexes and
/// statistics. `pg_dump` reads rows without planning a query.
const CALLS_FUNCTIONS: &str = "EXISTS (SELECT FROM pg_depend d
    WHERE (d.classid = 'pg_class'::regclass
            AND d.objid IN (SELECT indexrelid FROM pg_index WHERE indrelid = c.oid
                AND (indexprs IS NOT NULL OR indpred IS NOT NULL))
        OR d.classid = 'pg_statistic_ext'::regclass
            AND d.objid IN (SELECT s.oid FROM pg_statistic_ext s WHERE stxrelid = c.oid))
        AND refobjid >= 16384
        AND (refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass)
            OR refclassid = 'pg_type'::regclass
                AND refobjid IN (SELECT t.oid FROM pg_type t WHERE typtype = 'd')))";

/// True if nobody but a superuser and the role that logged in can create an index on the table `c`: on a
/// partition the owner of the partitioned table can, too. The present role is not asked, because the
/// owner of a database can choose it for all sessions there (`ALTER DATABASE ... SET role`), and a
/// function that is called in the session can go back to the role that logged in.
const IS_TRUSTED: &str = "NOT EXISTS (
    SELECT FROM (SELECT relowner UNION ALL SELECT p.relowner
        FROM pg_partition_ancestors(c.oid) a JOIN pg_class p ON p.oid = a.relid) owners
    WHERE relowner NOT IN (SELECT oid FROM pg_roles WHERE rolsuper OR rolname = session_user))";

/// A table that several sessions read.
#[derive(Debug, Deserialize)]
pub(super) struct LargeTable {
    /// The name by which the dump's header knows the table.
    pub(super) known_as: String,
    schema: String,
    name: String,
    owner: String,
    /// The name with its schema, as SQL.
    pub(super) qualified: String,
    /// The columns that are dumped, as SQL, in the order of the table.
    columns: String,
    /// The number of pages of the table itself.
    pub(super) pages: u64,
    /// The size in bytes, with the TOAST table.
    pub(super) bytes: u64,
}

impl LargeTable {
    /// Returns the large tables of the database, in the order in which `pg_dump` writes their rows.
    /// A table is large if it has at least `from` bytes. `quotes_all` says to quote each name,
    /// because the program that made the rest of the dump may know more keywords than the server.
    /// `without_rows` is the SQL array of the OIDs of the tables whose rows are left out of the dump.
    /// `trusts_owners` says to return tables of any owner: an owner who creates an index while the
    /// sessions read can have them call a function. Otherwise, only tables of superusers and of the
    /// role that dumps are returned.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub(super) fn find(
        snapshot: &mut Snapshot,
        from: u64,
        quotes_all: bool,
        without_rows: &str,
        trusts_owners: bool,
    ) -> Result<Vec<LargeTable>> {
        let query = write_query(from, quotes_all, without_rows, trusts_owners);
        let mut tables: Vec<LargeTable> = snapshot.ask(&query)?;
        let mut length = 0;
        tables.retain(|table| {
            length += "ONLY , ".len() + table.qualified.len();
            length <= LONGEST_LOCK
        });
        tables.sort_by(|a, b| a.key().cmp(&b.key()));
        Ok(tables)
    }

    fn key(&self) -> (&str, &str) {
        (&self.schema, &self.name)
    }

    /// Returns the pattern of `pg_dump --exclude-table-data` for this table alone.
    pub(super) fn pattern(&self) -> String {
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        format!("{}.{}", quoted(&self.schema), quoted(&self.name))
    }

    /// Returns true if the rows of this table come before the entry of the section `data`.
    pub(super) fn comes_before(&self, entry: &Entry) -> bool {
        match entry.kind.as_str() {
            "TABLE DATA" => {
                let schema = entry.schema.as_deref().unwrap_or_default();
                let own = (join_lines(&self.schema), join_lines(&self.name));
                (own.0.as_str(), own.1.as_str()).cmp(&(schema, &entry.name)) == Ordering::Less
            }
            "SEQUENCE SET" | "BLOBS" => true,
            _ => false,
        }
    }

    /// Returns what `pg_dump` writes before the rows.
    pub(super) fn heading(&self) -> String {
        format!(
            "--\n-- Data for Name: {}; Type: TABLE DATA; Schema: {}; Owner: {}\n--\n\nCOPY {} ({}) FROM stdin;\n",
            join_lines(&self.name),
            join_lines(&self.schema),
            join_lines(&self.owner),
            self.qualified,
            self.columns
        )
    }

    /// Returns the statement that prints the rows in a range of pages, as `pg_dump` prints them.
    /// Without `to`, the range ends with the table.
    pub(super) fn copy(&self, from: u64, to: Option<u64>) -> String {
        let Self {
            columns, qualified, ..
        } = self;
        let to = to.map_or(String::new(), |to| format!(" AND ctid < '({to},0)'"));
        format!(
            "COPY (SELECT {columns} FROM ONLY {qualified} WHERE ctid >= '({from},0)'{to}) TO STDOUT;\n"
        )
    }
}

/// What `pg_dump` writes after the rows of a table.
pub(super) const AFTER_ROWS: &[u8] = b"\\.\n\n\n";

/// Returns the name as `pg_dump` writes it in a comment.
fn join_lines(name: &str) -> String {
    name.replace(['\n', '\r'], " ")
}

/// The query for the large tables, the largest first. `pg_dump` itself reads what is not a heap,
/// what belongs to an extension (it may leave rows out), tables without columns, and tables of which
/// a query could call functions of their owner. Nobody reads the tables whose OIDs are in the SQL array
/// `without_rows`. Names that are not ASCII are only certain in UTF-8. The sizes come first, because a
/// database can have thousands of small tables, and the other conditions take a millisecond for each.
fn write_query(from: u64, quotes_all: bool, without_rows: &str, trusts_owners: bool) -> String {
    let dumped = query_dumped(without_rows);
    let trusted = if trusts_owners { "true" } else { IS_TRUSTED };
    let quoted = |name: &str| {
        if quotes_all {
            format!("'\"' || replace({name}, '\"', '\"\"') || '\"'")
        } else {
            format!("quote_ident({name})")
        }
    };
    let (schema, table, column) = (quoted("nspname"), quoted("relname"), quoted("attname"));
    format!(
        "WITH sized AS MATERIALIZED (
            SELECT c.oid, nspname, relname, relowner, pg_table_size(c.oid) AS bytes
            FROM {dumped} AND relkind = 'r'
                AND relam = (SELECT oid FROM pg_am WHERE amname = 'heap')
                AND NOT (relpersistence = 'u' AND pg_is_in_recovery())),
        c AS MATERIALIZED (SELECT * FROM sized WHERE bytes >= {from})
        SELECT coalesce(json_agg(json_build_object('known_as', oid::regclass::text,
            'schema', nspname, 'name', relname, 'owner', owner,
            'qualified', {schema} || '.' || {table}, 'columns', columns,
            'pages', pages, 'bytes', bytes) ORDER BY bytes DESC, oid), '[]')
        FROM (
            SELECT c.oid, nspname, relname, pg_get_userbyid(relowner) AS owner,
                pg_relation_size(c.oid) / current_setting('block_size')::int AS pages, bytes,
                (SELECT string_agg({column}, ', ' ORDER BY attnum) FROM pg_attribute
                    WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
                        AND attgenerated = '') AS columns
            FROM c
            WHERE NOT {CALLS_FUNCTIONS} AND {trusted}
                AND NOT EXISTS (SELECT FROM pg_depend
                    WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e')
        ) large
        WHERE pages > 0 AND columns IS NOT NULL
            AND (current_setting('server_encoding') = 'UTF8'
                OR nspname || relname || columns || owner ~ '^[ -~]*$')"
    )
}
