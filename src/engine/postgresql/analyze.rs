//! Collects the planner's statistics of a restored database (ANALYZE), by several sessions where that is
//! worth their start.

use anyhow::Result;
use serde::Deserialize;

use super::reach::ask;
use super::target::TargetServer;
use crate::progress;

/// The query for the tables that an ANALYZE without tables reads, the largest first. It reads at most
/// 30,000 pages of a table, if the statistics target is the default.
const TABLES: &str = "SELECT coalesce(json_agg(json_build_object('name', name, 'pages', pages) ORDER BY pages DESC), '[]')
    FROM (SELECT format('%I.%I', nspname, relname) AS name,
            least(pg_relation_size(c.oid) / current_setting('block_size')::bigint, 30000) AS pages
        FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
        WHERE relkind IN ('r', 'm', 'p') AND relpersistence <> 't') AS tables";

/// The number of pages of all tables that make a further session worthwhile: 32 MiB.
const WORTHWHILE: u64 = 4096;
/// The number of tables in one statement. The kernel limits the length of an argument to 128 KiB, and a
/// qualified name has at most 514 bytes.
const TABLES_OF_STATEMENT: usize = 200;

#[derive(Debug, Deserialize)]
struct Table {
    name: String,
    pages: u64,
}

/// Runs ANALYZE in the database `name`. A failure is only a warning: the database is restored.
pub(super) fn analyze(target: &TargetServer<'_>, name: &str) {
    progress::begin_phase("analyzing");
    let analyzed = match analyze_in_parallel(target, name) {
        Ok(true) => return,
        // A table may have been dropped meanwhile.
        Ok(false) | Err(_) => target
            .server
            .execute(name, &["ANALYZE".to_owned()], target.stop),
    };
    if let Err(error) = analyzed {
        log::warn!("{name} was restored, but ANALYZE failed: {error:#}");
    }
}

/// Runs ANALYZE by several sessions. Returns false if one session is enough.
fn analyze_in_parallel(target: &TargetServer<'_>, name: &str) -> Result<bool> {
    let sessions = target.access.threads.get();
    if sessions == 1 {
        return Ok(false);
    }
    let tables: Vec<Table> = ask(target.server, name, TABLES, target.stop)?;
    let pages: u64 = tables.iter().map(|table| table.pages).sum();
    let largest = tables.first().map_or(0, |table| table.pages);
    if pages - largest < WORTHWHILE {
        return Ok(false);
    }
    let parts = distribute(tables, sessions);
    std::thread::scope(|scope| {
        let analyzing: Vec<_> = parts
            .iter()
            .map(|tables| {
                scope.spawn(|| {
                    target
                        .server
                        .execute(name, &write_statements(tables), target.stop)
                })
            })
            .collect();
        let analyzed = analyzing
            .into_iter()
            .map(|session| session.join().expect("a session does not panic"));
        analyzed.collect::<Result<()>>()
    })?;
    Ok(true)
}

/// Gives each table, of which the largest are first, to the session that has the fewest pages.
fn distribute(tables: Vec<Table>, sessions: usize) -> Vec<Vec<String>> {
    let mut parts: Vec<(u64, Vec<String>)> = vec![(0, Vec::new()); sessions];
    for table in tables {
        let part = parts.iter_mut().min_by_key(|(pages, _)| *pages);
        let (pages, names) = part.expect("there is a session");
        // A small table takes time, too.
        *pages += table.pages + 1;
        names.push(table.name);
    }
    parts.into_iter().map(|(_, names)| names).collect()
}

fn write_statements(tables: &[String]) -> Vec<String> {
    let several = tables.chunks(TABLES_OF_STATEMENT);
    several
        .map(|tables| format!("ANALYZE {}", tables.join(", ")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_distributed_by_their_pages() {
        let tables = [("a", 100), ("b", 60), ("c", 50), ("d", 0), ("e", 0)];
        let table = |(name, pages): (&str, u64)| Table {
            name: name.to_owned(),
            pages,
        };
        let parts = distribute(tables.map(table).into(), 2);
        assert_eq!(parts, [vec!["a", "d", "e"], vec!["b", "c"]]);
        assert_eq!(write_statements(&parts[1]), ["ANALYZE b, c"]);
        let many = vec!["t".to_owned(); TABLES_OF_STATEMENT + 1];
        assert_eq!(write_statements(&many)[1], "ANALYZE t");
    }
}
