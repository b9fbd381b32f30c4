//! Compares a dump of a server's database, which is checked, read back, synced and published, with
//! the server's own client writing nothing but the text, and with the classic pipe. Also a server with
//! many empty databases, and for PostgreSQL dumps by several sessions.
//!
//! `cargo bench --features isal --bench servers [-- postgresql sessions many mariadb]`. First, each
//! engine gets a database of about 1 GB. Rounds alternate, so that other work of the machine
//! affects all of them alike; the figures are medians and their ratios. `ROUNDS` (5) is the number
//! of rounds.

mod content;
mod many;
mod measure;
#[allow(dead_code, reason = "shared with the tests")]
#[path = "../../tests/integration/servers/mysql/server.rs"]
mod mysql;
#[allow(dead_code, reason = "shared with the tests")]
#[path = "../../tests/integration/servers/postgresql/server.rs"]
mod postgresql;
#[path = "../../tests/integration/servers/machine.rs"]
mod servers;
mod sessions;
mod slow;

use std::fs::{self, File};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use content::{ROWS, mariadb_table, postgresql_table};
use measure::{Result, dump, is_wanted, median, pipe_through, rounds, timed};

fn main() -> Result<()> {
    // `cargo test --benches` does not ask for a measurement.
    if !std::env::args().any(|arg| arg == "--bench") {
        return Ok(());
    }
    if ["postgresql", "sessions", "many"]
        .iter()
        .any(|part| is_wanted(part))
    {
        postgresql()?;
    }
    if ["mariadb", "many"].iter().any(|part| is_wanted(part)) {
        mariadb()?;
    }
    Ok(())
}

fn postgresql() -> Result<()> {
    let server = postgresql::Server::start();
    server.psql("postgres", "CREATE DATABASE bench");
    server.psql("bench", &postgresql_table(ROWS));
    if is_wanted("postgresql") {
        let client = || {
            let mut pg_dump = server.client("pg_dump", "bench");
            pg_dump.arg("--no-password");
            pg_dump
        };
        compare("pg_dump", client, &server.url("bench"), Beside::Alone)?;
    }
    if is_wanted("sessions") {
        sessions::compare(&server)?;
    }
    if is_wanted("many") {
        many::postgresql(&server)?;
    }
    Ok(())
}

fn mariadb() -> Result<()> {
    let server = mysql::Server::start();
    if is_wanted("many") {
        many::mariadb(&server)?;
    }
    if !is_wanted("mariadb") {
        return Ok(());
    }
    server.sql("", "CREATE DATABASE bench");
    server.sql("bench", &mariadb_table());
    let client = || {
        let mut dump = server.client("mariadb-dump");
        dump.args(["--single-transaction", "--quick", "--routines", "--events"]);
        dump.args(["--triggers", "--hex-blob", "--no-tablespaces", "bench"]);
        dump
    };
    compare("mariadb-dump", client, &server.url("bench"), Beside::Cat)
}

/// What a dump's time is compared with: PostgreSQL's client keeps one core busy and can be followed
/// at its pace; MariaDB's and its server keep two cores busy, so that any reader takes time from them.
#[derive(Clone, Copy, PartialEq)]
enum Beside {
    /// The client that writes to `/dev/null`.
    Alone,
    /// The client whose output `cat` reads.
    Cat,
}

fn compare(name: &str, client: impl Fn() -> Command, url: &str, beside: Beside) -> Result<()> {
    let place = TempDir::new()?;
    let (mut alone, mut copied) = (Vec::new(), Vec::new());
    let (mut piped, mut ours) = (Vec::new(), Vec::new());
    let (mut memory, mut bytes) = (0, 0);
    for round in 0..rounds() {
        alone.push(timed(client().stdout(Stdio::null()))?);
        let dumps = place.path().join(round.to_string());
        let (time, peak) = dump(url, &dumps, &[])?;
        ours.push(time);
        memory = memory.max(peak);
        bytes = fs::read_dir(&dumps)?
            .filter_map(|entry| entry.ok()?.metadata().ok())
            .map(|meta| meta.len())
            .max()
            .unwrap_or(0);
        fs::remove_dir_all(&dumps)?;
        copied.push(pipe_through("cat", client(), Stdio::null())?);
        let file = File::create(place.path().join("piped.gz"))?;
        piped.push(pipe_through("pigz", client(), file.into())?);
        // The next round must not wait for data that the pipe left to be written.
        timed(&mut Command::new("sync"))?;
    }
    let [alone, copied, piped, ours] = [alone, copied, piped, ours].map(median);
    println!("{name} > /dev/null                {alone:7.2} s");
    println!("{name} | cat > /dev/null          {copied:7.2} s");
    println!("dump-database dump              {ours:7.2} s, {bytes} bytes, at most {memory} KiB");
    println!("{name} | pigz                   {piped:7.2} s");
    let wanted = |here: Beside, most: &str| match beside == here {
        true => format!(" (wanted: at most {most})"),
        false => String::new(),
    };
    println!(
        "dump-database : {name} alone    {:7.2}{}",
        ours / alone,
        wanted(Beside::Alone, "1.15")
    );
    println!(
        "dump-database : {name} | cat    {:7.2}{}",
        ours / copied,
        wanted(Beside::Cat, "1.1")
    );
    println!("{name} | cat : {name} alone     {:7.2}", copied / alone);
    println!("{name} | pigz : dump-database   {:7.2}", piped / ours);
    Ok(())
}
