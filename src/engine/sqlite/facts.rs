//! Collects the facts about a database: its tables, their rows and its shape.

use anyhow::Result;
use rusqlite::Connection;
use serde_json::{Map, Value};

use crate::content::image::Shape;
use crate::header::{Facts, Rows};

/// The greatest size in bytes of a database whose rows are counted: counting reads the database
/// once more.
const COUNTED: u64 = 256 << 20;

/// Returns the names of the database's tables.
pub(super) fn list_tables(db: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = db.prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 ORDER BY name",
    )?;
    // A name need not be UTF-8.
    let names = statement.query_map([], |row| {
        let name = row.get_ref(0)?.as_bytes()?;
        Ok(String::from_utf8_lossy(name).into_owned())
    })?;
    names.collect()
}

/// Returns the number of rows of a table, or `None` if only the database's own program can read it.
pub(super) fn count(db: &Connection, table: &str) -> Option<u64> {
    let quoted = table.replace('"', "\"\"");
    let sql = format!("SELECT count(*) FROM main.\"{quoted}\"");
    let rows = db.query_row(&sql, [], |row| row.get::<_, i64>(0));
    rows.ok().and_then(|rows| u64::try_from(rows).ok())
}

/// Returns the database's tables, the numbers of their rows if counting is cheap, and its shape.
pub(super) fn read_facts(db: &Connection, shape: Shape) -> Result<Facts> {
    let names = list_tables(db)?;
    let counted = shape.bytes() <= COUNTED;
    let mut settings = Map::new();
    settings.insert("page_size".to_owned(), Value::from(shape.page_size));
    settings.insert("pages".to_owned(), Value::from(shape.pages));
    Ok(Facts {
        table_count: names.len(),
        tables: names
            .into_iter()
            .map(|name| {
                let rows = if counted { count(db, &name) } else { None };
                (name, rows.map(Rows::Exact))
            })
            .collect(),
        settings,
    })
}
