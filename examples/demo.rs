//! The main job, on a temporary database: makes six dumps of a changing SQLite database, keeps
//! five, verifies them, restores the newest and compares it. `cargo run --release --example demo`

use std::error::Error;
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use dump_database::compress::Method;
use dump_database::dump::{
    self, DumpOptions, OutputOptions, RetentionChoice, Selection, SeriesOptions, default_threads,
};
use dump_database::engine::access::Sessions;
use dump_database::engine::sqlite::SqliteSource;
use dump_database::header::LeftOut;
use dump_database::name::Format;
use dump_database::retention::Policy;
use dump_database::{list, logging, restore, verify};
use rusqlite::Connection;

fn main() -> Result<(), Box<dyn Error>> {
    if let Some(database) = std::env::args_os().nth(1) {
        return print_orders(Path::new(&database));
    }
    logging::start(log::LevelFilter::Info);
    let place = std::env::temp_dir().join(format!("dump-database-demo-{}", std::process::id()));
    std::fs::create_dir(&place)?;
    let (database, dumps, restored) = (
        place.join("shop.db"),
        place.join("dump"),
        place.join("restored.db"),
    );

    let shop = Connection::open(&database)?;
    shop.execute_batch("CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, placed TEXT)")?;
    let options = DumpOptions {
        output: OutputOptions {
            to: dumps.clone(),
            method: Method::default(),
            threads: default_threads(),
            timeout: Duration::from_mins(10),
            full_check: Duration::ZERO,
            busy_timeout: Duration::from_secs(30),
            format: Format::Sql,
            sessions: Sessions::default(),
            password: None,
        },
        series: SeriesOptions {
            adopt: false,
            keep: RetentionChoice::By(Policy {
                last: NonZeroUsize::new(5).ok_or("five")?,
                ..Policy::default()
            }),
            skip_unchanged: false,
        },
        left_out: LeftOut::default(),
        metrics: None,
    };
    println!(
        "six dumps of {}, a database that changes:",
        database.display()
    );
    for _ in 0..6 {
        order(&shop, 1000)?;
        let failed = dump::run(
            &[Arc::new(SqliteSource::new(&database))],
            &Selection::default(),
            &options,
        )?;
        assert_eq!(failed, 0, "a dump failed");
    }
    println!("\nfive are kept:");
    list::run(std::slice::from_ref(&dumps), None, false)?;
    println!("each is good:");
    assert_eq!(
        verify::run(std::slice::from_ref(&dumps), options.output.timeout, false)?,
        0,
        "a dump is damaged"
    );

    println!("\nthe newest, restored and compared:");
    let from = restore::RequestedDump {
        path: dumps,
        name: None,
    };
    let options = restore::RestoreOptions {
        replace: restore::ReplaceMode::No,
        keep_going: false,
        no_owner: false,
        output: options.output,
    };
    restore::run(&from, &SqliteSource::new(&restored), &options)?;
    let orders = read_orders(&restored)?;
    assert_eq!(read_orders(&database)?, orders);
    println!("all {} orders are the same", orders.lines().count());
    std::fs::remove_dir_all(place)?;
    Ok(())
}

fn order(shop: &Connection, count: usize) -> rusqlite::Result<()> {
    let mut insert = shop.prepare(
        "INSERT INTO orders (item, placed) VALUES (hex(randomblob(8)), datetime('now'))",
    )?;
    shop.execute_batch("BEGIN")?;
    for _ in 0..count {
        insert.execute([])?;
    }
    shop.execute_batch("COMMIT")
}

/// Returns a line for each order of a database. A new process reads it, because SQLite in a process
/// that has made a dump opens only the databases which that process dumps or restores.
fn read_orders(database: &Path) -> Result<String, Box<dyn Error>> {
    let reader = std::env::current_exe()?;
    let read = Command::new(reader).arg(database).output()?;
    assert!(read.status.success(), "cannot read {}", database.display());
    Ok(String::from_utf8(read.stdout)?)
}

fn print_orders(database: &Path) -> Result<(), Box<dyn Error>> {
    let db = Connection::open(database)?;
    let mut orders = db.prepare("SELECT id, item, placed FROM orders ORDER BY id")?;
    let mut rows = orders.query([])?;
    while let Some(row) = rows.next()? {
        let (id, item, placed): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        println!("{id}\t{item}\t{placed}");
    }
    Ok(())
}
