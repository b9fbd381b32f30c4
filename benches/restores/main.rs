//! Compares restores, each of which verifies its dump first, with the server's own programs and
//! the same content.
//!
//! `cargo bench --features isal --bench restores [-- postgresql mariadb sqlite]`. The servers'
//! databases have about 1 GB of SQL, the SQLite database has 500 MB. Rounds alternate; the figures
//! are medians and their ratios. `ROUNDS` (5) is the number of rounds. Needs sqlite3.

#[allow(dead_code, reason = "shared with another bench")]
#[path = "../servers/content.rs"]
mod content;
#[allow(dead_code, reason = "shared with another bench")]
#[path = "../servers/measure.rs"]
mod measure;
#[allow(dead_code, reason = "shared with the tests")]
#[path = "../../tests/integration/servers/mysql/server.rs"]
mod mysql;
#[allow(dead_code, reason = "shared with the tests")]
#[path = "../../tests/integration/servers/postgresql/server.rs"]
mod postgresql;
#[path = "../../tests/integration/servers/machine.rs"]
mod servers;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use measure::{PROGRAM, Result, is_wanted, median, rounds, timed};

fn main() -> Result<()> {
    // `cargo test --benches` does not ask for a measurement.
    if !std::env::args().any(|arg| arg == "--bench") {
        return Ok(());
    }
    if is_wanted("postgresql") {
        postgresql()?;
    }
    if is_wanted("mariadb") {
        mariadb()?;
    }
    if is_wanted("sqlite") {
        sqlite()?;
    }
    Ok(())
}

fn postgresql() -> Result<()> {
    let server = postgresql::Server::start();
    server.psql("postgres", "CREATE DATABASE bench");
    server.psql("bench", &content::postgresql_table(content::ROWS));
    server.psql(
        "bench",
        "ALTER TABLE event ADD PRIMARY KEY (id); CREATE INDEX ON event (at)",
    );
    let place = TempDir::new()?;
    let source = server.url("bench");
    let plain = dump(&source, &place.path().join("plain"), &[])?;
    let custom = dump(
        &source,
        &place.path().join("custom"),
        &["--format", "custom"],
    )?;
    let directory = place.path().join("directory");
    let mut pg_dump = server.client("pg_dump", "bench");
    timed(
        pg_dump
            .args(["--no-password", "-Fd", "-j2", "-f"])
            .arg(&directory),
    )?;
    server.psql("postgres", "DROP DATABASE bench");

    let target = server.url("target");
    let (mut psql, mut ours) = (Vec::new(), Vec::new());
    let (mut pg_restore, mut ours_custom) = (Vec::new(), Vec::new());
    let again = || {
        server.psql("postgres", "DROP DATABASE IF EXISTS target");
        server.psql("postgres", "CHECKPOINT");
    };
    for _ in 0..rounds() {
        again();
        ours.push(restore(&plain, &target, &[])?);
        again();
        server.psql("postgres", "CREATE DATABASE target");
        let script = "gunzip -c \"$0\" | psql -XqAt -v ON_ERROR_STOP=1 -o /dev/null";
        let mut shell = server.client("sh", "target");
        psql.push(timed(shell.args(["-euc", script]).arg(&plain))?);
        again();
        ours_custom.push(restore(&custom, &target, &[])?);
        again();
        server.psql("postgres", "CREATE DATABASE target");
        let mut client = server.client("pg_restore", "target");
        pg_restore.push(timed(
            client.args(["-w", "-j2", "-d", "target"]).arg(&directory),
        )?);
    }
    println!("PostgreSQL, one table of 1 GB with two indexes:");
    print("gunzip | psql", psql, ours);
    print("pg_restore -j2 of a directory", pg_restore, ours_custom);
    Ok(())
}

fn mariadb() -> Result<()> {
    let server = mysql::Server::start();
    server.sql("", "CREATE DATABASE bench");
    server.sql("bench", &content::mariadb_table());
    let place = TempDir::new()?;
    let dumped = dump(&server.url("bench"), &place.path().join("dumps"), &[])?;
    server.sql("", "DROP DATABASE bench");

    let target = server.url("target");
    let (mut client, mut ours, mut replaced) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds() {
        server.sql("", "DROP DATABASE IF EXISTS target");
        ours.push(restore(&dumped, &target, &[])?);
        replaced.push(restore(
            &dumped,
            &target,
            &["--replace", "--without-saving"],
        )?);
        server.sql("", "DROP DATABASE target; CREATE DATABASE target");
        let mut gunzip = Command::new("gunzip");
        let gunzip = gunzip.arg("-c").arg(&dumped).stdout(Stdio::piped());
        let mut gunzip = gunzip.spawn()?;
        let text = gunzip.stdout.take().ok_or("no output")?;
        let mut mariadb = server.client("mariadb");
        client.push(timed(mariadb.arg("target").stdin(text))?);
        assert!(gunzip.wait()?.success());
    }
    println!("MariaDB, one table of 1 GB:");
    print("gunzip | mariadb", client.clone(), ours);
    print("gunzip | mariadb, ours with --replace", client, replaced);
    Ok(())
}

fn sqlite() -> Result<()> {
    let place = TempDir::new()?;
    let at = place.path();
    let source = at.join("source.db");
    let sql = "PRAGMA page_size = 4096; CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b BLOB);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1100000)
        INSERT INTO t SELECT i, hex(randomblob(20)) || ' customer ' || i, randomblob(350) FROM n;
        CREATE INDEX a ON t(a);";
    timed(Command::new("sqlite3").arg(&source).arg(sql))?;
    let dumped = dump(&source.display().to_string(), &at.join("dumps"), &[])?;
    std::fs::remove_file(&source)?;
    let target = at.join("target.db");
    let (mut gunzip, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..rounds() {
        ours.push(restore(&dumped, &target.display().to_string(), &[])?);
        std::fs::remove_file(&target)?;
        let script = "gunzip -c \"$0\" > \"$1\"; sync \"$1\"";
        let mut shell = Command::new("sh");
        gunzip.push(timed(
            shell.args(["-euc", script]).arg(&dumped).arg(&target),
        )?);
        std::fs::remove_file(&target)?;
    }
    println!("SQLite, 500 MB:");
    print("gunzip > file && sync file", gunzip, ours);
    Ok(())
}

/// Dumps `source` into the directory `to`. Returns the path of the dump.
fn dump(source: &str, to: &Path, args: &[&str]) -> Result<PathBuf> {
    let mut command = Command::new(PROGRAM);
    command.args(["dump", "--log", "warn", "--to"]).arg(to);
    let output = command.args(args).arg(source).output()?;
    assert!(output.status.success(), "{output:?}");
    Ok(PathBuf::from(String::from_utf8(output.stdout)?.trim_end()))
}

/// Returns the time of a restore in seconds.
fn restore(dump: &Path, target: &str, args: &[&str]) -> Result<f64> {
    let mut command = Command::new(PROGRAM);
    command.args(["restore", "--log", "warn"]).args(args);
    timed(command.arg(dump).arg(target).stdout(Stdio::null()))
}

fn print(peer: &str, times: Vec<f64>, ours: Vec<f64>) {
    let (times, ours) = (median(times), median(ours));
    println!("{peer:40} {times:7.2} s");
    println!(
        "dump-database restore                    {ours:7.2} s, {:.2} x",
        ours / times
    );
}
