//! Finds columns whose values a dump cannot hold exactly, because the server shows clients other
//! values.

use anyhow::Result;

use super::load::describe;
use super::server::{Server, quote_identifier, quote_literal};
use super::storage_engines::ELSEWHERE;
use crate::stop::Stop;

/// Character sets whose every character survives the conversion to utf8mb4 and back. In all other
/// character sets some characters do not survive: bytes that stand for no Unicode character (0x98
/// in cp1251) become `?`, and some characters become another character (0x5C in sjis). This list
/// was found by converting every character of every character set there and back in MariaDB 10.11.
const SURVIVING: [&str; 19] = [
    "utf8", "utf8mb3", "utf8mb4", "ucs2", "utf16", "utf16le", "utf32", "latin1", "latin2",
    "latin5", "latin7", "cp850", "cp852", "cp866", "koi8r", "koi8u", "keybcs2", "macce",
    "macroman",
];
/// Character sets with characters that the definition of a column cannot show: servers keep
/// definitions in utf8mb3, and write `?` for characters that utf8mb3 lacks.
const WIDE: [&str; 4] = ["utf8mb4", "utf16", "utf16le", "utf32"];
/// The statements that limit how long a server may look for such values: one sets MariaDB's
/// variable, the other MySQL's.
const LIMIT: &str = "/*M!100101 SET SESSION max_statement_time = 2 */; /*!50708 SET SESSION max_execution_time = 2000 */";
/// The number of columns that one query checks at most. The query must not be too long for a
/// command line.
const AT_ONCE: usize = 64;

/// A column that may hold values that do not survive.
struct Column {
    table: String,
    name: String,
    /// The column's character set, or `float`.
    kind: String,
    has_history: bool,
}

/// Finds the columns of a database whose values or definition differ in a dump, and warns of them.
/// Returns their names. If a server cannot check a column, or not within seconds, the column counts
/// as differing.
///
/// # Errors
/// When the server cannot be asked which columns exist.
pub(super) fn find_columns(server: &Server, database: &str, stop: Stop) -> Result<Vec<String>> {
    let (suspects, mut unsure) = find_suspects(server, database, stop)?;
    let mut differing = Vec::new();
    let mut chunks = suspects.chunks(AT_ONCE);
    while let Some(chunk) = chunks.next() {
        let found = server.query_column(&write_query(database, chunk), stop);
        stop.check()?;
        let Ok(found) = found else {
            let rest = chunk.iter().chain(chunks.by_ref().flatten());
            unsure.extend(rest.map(Column::label));
            break;
        };
        let found = found
            .iter()
            .filter_map(|n| chunk.get(n.parse::<usize>().ok()?));
        differing.extend(found.map(Column::label));
    }
    let sure =
        describe(&differing).map(|columns| format!("differs from the database in {columns}"));
    let may = describe(&unsure).map(|columns| format!("may differ from it in {columns}"));
    let said: Vec<_> = sure.into_iter().chain(may).collect();
    if !said.is_empty() {
        log::warn!(
            "{database}: the server prints FLOAT with six digits and prints some characters as others or as ?, so the dump {}",
            said.join(", and ")
        );
    }
    differing.append(&mut unsure);
    differing.sort();
    differing.dedup();
    Ok(differing)
}

/// Returns the columns to check, and the names of the columns whose definition has a `?` that may
/// stand for another character.
fn find_suspects(
    server: &Server,
    database: &str,
    stop: Stop,
) -> Result<(Vec<Column>, Vec<String>)> {
    let list = |names: &[&str]| format!("'{}'", names.join("', '"));
    let (surviving, wide) = (list(&SURVIVING), list(&WIDE));
    let database = quote_literal(database);
    // Without `t.table_schema`, MariaDB looks into all databases.
    let rows = server.ask(
        &format!(
            "SELECT c.table_name, c.column_name, IFNULL(c.character_set_name, c.data_type), t.table_type,
                c.character_set_name IS NULL OR c.character_set_name NOT IN ({surviving}),
                IFNULL(c.character_set_name IN ({wide}) OR c.character_set_name NOT IN ({surviving}), 0)
                AND (c.data_type IN ('enum', 'set') AND c.column_type LIKE '%?%' OR IFNULL(c.column_default, '') LIKE '%?%')
             FROM information_schema.columns c JOIN information_schema.tables t
                ON t.table_schema = c.table_schema AND t.table_name = c.table_name
             WHERE c.table_schema = {database} AND t.table_schema = {database} AND t.table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')
                AND IFNULL(t.engine, '') NOT IN ({})
                AND (c.data_type = 'float' OR c.character_set_name IS NOT NULL)
             ORDER BY 1, c.ordinal_position",
            list(&ELSEWHERE)
        ),
        stop,
    )?;
    let (mut suspects, mut odd) = (Vec::new(), Vec::new());
    for row in rows {
        let Ok([table, name, kind, of, values, definition]) = <[String; 6]>::try_from(row) else {
            continue;
        };
        if definition == "1" {
            odd.push(format!("{table}.{name} (a ? in its definition)"));
        }
        if values == "1" {
            suspects.push(Column {
                table,
                name,
                kind,
                has_history: of == "SYSTEM VERSIONED",
            });
        }
    }
    Ok((suspects, odd))
}

/// Returns the query for the indices of the columns that hold a value that does not survive.
fn write_query(database: &str, columns: &[Column]) -> String {
    let write_expression = |(index, column): (usize, &Column)| {
        let name = quote_identifier(&column.name);
        let differs = match column.kind.as_str() {
            "float" => format!("CAST(CONCAT({name}) AS FLOAT) <> {name}"),
            set => format!(
                "CAST(CONVERT(CONVERT({name} USING utf8mb4) USING {set}) AS BINARY) <> CAST({name} AS BINARY)"
            ),
        };
        let history = if column.has_history {
            " FOR SYSTEM_TIME ALL"
        } else {
            ""
        };
        format!(
            "(SELECT {index} FROM {}.{}{history} WHERE {differs} LIMIT 1)",
            quote_identifier(database),
            quote_identifier(&column.table)
        )
    };
    let each: Vec<_> = columns.iter().enumerate().map(write_expression).collect();
    format!("{LIMIT}; {}", each.join(" UNION ALL "))
}

impl Column {
    fn label(&self) -> String {
        format!("{}.{} ({})", self.table, self.name, self.kind)
    }
}
