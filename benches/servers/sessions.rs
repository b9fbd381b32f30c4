//! Compares dumps of a PostgreSQL database by one and by several sessions with `pg_dump`.

use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;

use crate::measure::{Result, dump, median, rounds, timed};
use crate::{postgresql, slow};

/// Prints the times of `pg_dump` and of dumps with each number of sessions, of one large table:
/// from the server itself, and with a limit to the speed of each connection. Then the same of many
/// tables.
pub(crate) fn compare(server: &postgresql::Server) -> Result<()> {
    by_sessions(
        "one table of 1 GB",
        server,
        server.directory(),
        "bench",
        &[1, 2],
    )?;
    let place = TempDir::new()?;
    let socket = ".s.PGSQL.5432";
    slow::forward(&place.path().join(socket), &server.directory().join(socket))?;
    let slow = "the same, each connection limited to 20 MB/s";
    by_sessions(slow, server, place.path(), "bench", &[1, 2, 4])?;
    server.psql("postgres", "CREATE DATABASE forty");
    server.psql(
        "forty",
        "DO $$ BEGIN FOR n IN 1..40 LOOP
            EXECUTE format('CREATE TABLE t%s AS SELECT n, repeat(md5(n::text), 6) AS v
                FROM generate_series(1, 125000) n', n);
        END LOOP; END $$",
    );
    by_sessions(
        "40 tables of 30 MB",
        server,
        server.directory(),
        "forty",
        &[1, 2],
    )
}

fn by_sessions(
    what: &str,
    server: &postgresql::Server,
    host: &Path,
    database: &str,
    numbers: &[usize],
) -> Result<()> {
    let place = TempDir::new()?;
    let url = format!("postgresql://postgres@/{database}?host={}", host.display());
    let mut alone = Vec::new();
    let mut ours = vec![Vec::new(); numbers.len()];
    let mut memory = vec![0; numbers.len()];
    for _ in 0..rounds() {
        let mut pg_dump = server.client("pg_dump", database);
        pg_dump.env("PGHOST", host).arg("--no-password");
        alone.push(timed(pg_dump.stdout(Stdio::null()))?);
        for (at, number) in numbers.iter().enumerate() {
            let dumps = place.path().join("dumps");
            let (time, peak) = dump(&url, &dumps, &["--sessions", &number.to_string()])?;
            ours[at].push(time);
            memory[at] = peak.max(memory[at]);
            std::fs::remove_dir_all(&dumps)?;
        }
    }
    let alone = median(alone);
    println!("{what}:");
    println!("pg_dump > /dev/null             {alone:7.2} s");
    for ((number, times), memory) in numbers.iter().zip(ours).zip(memory) {
        let time = median(times);
        println!(
            "dump-database --sessions {number}      {time:7.2} s, {:.2} x of pg_dump, at most {memory} KiB",
            time / alone
        );
    }
    Ok(())
}
