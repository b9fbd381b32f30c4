//! What is known of a database beside its pages.

use anyhow::Result;
use rusqlite::Connection;
use serde_json::{Map, Value};

use super::image::Shape;
use crate::header::Facts;

/// Above this size rows are not counted: it would read the database once more. In bytes.
const COUNTED: u64 = 256 << 20;

/// Its tables, their rows where counting is cheap, and its shape.
pub(super) fn of(db: &Connection, shape: Shape) -> Result<Facts> {
    let mut statement = db.prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 ORDER BY name",
    )?;
    // A name need not be UTF-8.
    let names: Vec<String> = statement
        .query_map([], |row| {
            let name = row.get_ref(0)?.as_bytes()?;
            Ok(String::from_utf8_lossy(name).into_owned())
        })?
        .collect::<rusqlite::Result<_>>()?;
    let count = |name: &str| -> Option<u64> {
        let quoted = name.replace('"', "\"\"");
        let sql = format!("SELECT count(*) FROM main.\"{quoted}\"");
        db.query_row(&sql, [], |row| row.get::<_, i64>(0))
            .ok()
            .and_then(|rows| u64::try_from(rows).ok())
    };
    let counted = shape.bytes() <= COUNTED;
    let mut settings = Map::new();
    settings.insert("page_size".to_owned(), Value::from(shape.page_size));
    settings.insert("pages".to_owned(), Value::from(shape.pages));
    Ok(Facts {
        table_count: names.len(),
        tables: names
            .into_iter()
            .map(|name| {
                let rows = if counted { count(&name) } else { None };
                (name, rows)
            })
            .collect(),
        settings,
    })
}
