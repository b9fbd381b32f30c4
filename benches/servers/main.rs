//! Compares a dump of a server's database, which is checked, read back, synced and published, with
//! the server's own client writing nothing but the text, and with the classic pipe. For PostgreSQL,
//! also dumps by several sessions, and a server with many small databases.
//!
//! `cargo bench --features isal --bench servers`. First, each engine gets a database of about 1
//! GB. Rounds alternate, so that other work of the machine affects all of them alike; the figures
//! are medians and their ratios.

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

use std::error::Error;
use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_dump-database");
const ROUNDS: usize = 5;
const ROWS: u64 = 2_700_000;
const WORDS: [&str; 48] = [
    "order",
    "shipped",
    "to",
    "the",
    "customer",
    "in",
    "Berlin",
    "Hamburg",
    "Munich",
    "Cologne",
    "by",
    "express",
    "carrier",
    "please",
    "leave",
    "it",
    "with",
    "neighbours",
    "if",
    "nobody",
    "is",
    "home",
    "payment",
    "received",
    "and",
    "invoice",
    "sent",
    "but",
    "address",
    "unknown",
    "returned",
    "after",
    "two",
    "weeks",
    "fragile",
    "glass",
    "handle",
    "carefully",
    "gift",
    "wrapped",
    "without",
    "receipt",
    "urgent",
    "monday",
    "morning",
    "before",
    "noon",
    "call",
];

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    // `cargo test --benches` does not ask for a measurement.
    if !std::env::args().any(|arg| arg == "--bench") {
        return Ok(());
    }
    let postgresql = postgresql::Server::start();
    postgresql.psql("postgres", "CREATE DATABASE bench");
    postgresql.psql("bench", &postgresql_table());
    let client = || {
        let mut pg_dump = postgresql.client("pg_dump", "bench");
        pg_dump.arg("--no-password");
        pg_dump
    };
    compare("pg_dump", client, &postgresql.url("bench"))?;
    sessions::compare(&postgresql)?;
    sessions::many_databases(&postgresql)?;
    drop(postgresql);

    let mariadb = mysql::Server::start();
    mariadb.sql("", "CREATE DATABASE bench");
    mariadb.sql("bench", &mariadb_table());
    let client = || {
        let mut dump = mariadb.client("mariadb-dump");
        dump.args(["--single-transaction", "--quick", "--routines", "--events"]);
        dump.args(["--triggers", "--hex-blob", "--no-tablespaces", "bench"]);
        dump
    };
    compare("mariadb-dump", client, &mariadb.url("bench"))
}

/// SQL for text, JSON, numbers, timestamps, uuids and bytes.
fn postgresql_table() -> String {
    format!(
        "CREATE TABLE event AS SELECT
            n AS id, gen_random_uuid() AS key, now() - n * interval '17.123 s' AS at,
            random() * 1e6 AS amount, (random() * 1000)::int AS kind,
            jsonb_build_object('user', 'user' || (random() * 50000)::int,
                'ip', '10.' || n % 250 || '.' || n * 7 % 250 || '.1',
                'tags', jsonb_build_array('a' || n % 17, 'b' || n % 23),
                'score', round((random() * 100)::numeric, 3)) AS doc,
            {} AS note, decode(md5(n::text) || md5((n + 1)::text), 'hex') AS sum
        FROM generate_series(1, {ROWS}::bigint) n",
        note("||", |words| format!(
            "(ARRAY[{words}])[1 + floor(random() * {})::int]",
            WORDS.len()
        ))
    )
}

/// SQL for random words, as many as an ordinary sentence has: `any` picks one of a list.
fn note(joint: &str, any: impl Fn(&str) -> String) -> String {
    let words = WORDS.map(|word| format!("'{word} '")).join(", ");
    vec![any(&words); 14].join(joint)
}

fn mariadb_table() -> String {
    format!(
        "CREATE TABLE event (id BIGINT PRIMARY KEY, `key` UUID, at DATETIME(3), amount DOUBLE,
            kind INT, doc JSON, note TEXT, sum BLOB) CHARACTER SET utf8mb4
        SELECT seq AS id, UUID() AS `key`, NOW(3) - INTERVAL seq * 17 SECOND AS at,
            RAND() * 1e6 AS amount, FLOOR(RAND() * 1000) AS kind,
            JSON_OBJECT('user', CONCAT('user', FLOOR(RAND() * 50000)),
                'ip', CONCAT('10.', seq % 250, '.', seq * 7 % 250, '.1'),
                'tags', JSON_ARRAY(CONCAT('a', seq % 17), CONCAT('b', seq % 23)),
                'score', ROUND(RAND() * 100, 3)) AS doc,
            CONCAT({}) AS note, UNHEX(CONCAT(MD5(seq), MD5(seq + 1))) AS sum
        FROM seq_1_to_{ROWS}",
        note(",", |words| format!(
            "ELT(1 + FLOOR(RAND() * {}), {words})",
            WORDS.len()
        ))
    )
}

fn compare(name: &str, client: impl Fn() -> Command, url: &str) -> Result<()> {
    let place = TempDir::new()?;
    let (mut alone, mut copied) = (Vec::new(), Vec::new());
    let (mut piped, mut ours) = (Vec::new(), Vec::new());
    let (mut memory, mut bytes) = (0, 0);
    for round in 0..ROUNDS {
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
    println!(
        "dump-database : {name} alone    {:7.2} (wanted: at most 1.15)",
        ours / alone
    );
    println!("{name} | cat : {name} alone     {:7.2}", copied / alone);
    println!(
        "{name} | pigz : dump-database   {:7.2} (wanted: at least 3)",
        piped / ours
    );
    Ok(())
}

fn timed(command: &mut Command) -> Result<f64> {
    let started = Instant::now();
    let status = command.status()?;
    assert!(status.success(), "{command:?}");
    Ok(started.elapsed().as_secs_f64())
}

/// Dumps `url` into `to`. Returns the time in seconds, and the peak of the process's resident
/// memory in KiB.
fn dump(url: &str, to: &std::path::Path, args: &[&str]) -> Result<(f64, u64)> {
    let started = Instant::now();
    let mut command = Command::new(PROGRAM);
    command
        .args(["dump", "--log", "warn", "--to"])
        .arg(to)
        .args(args)
        .arg(url);
    let mut process = command.stdout(Stdio::null()).spawn()?;
    let mut peak = 0;
    loop {
        let status = fs::read_to_string(format!("/proc/{}/status", process.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        peak = peak.max(number.and_then(|number| number.parse().ok()).unwrap_or(0));
        if let Some(status) = process.try_wait()? {
            assert!(status.success(), "{command:?}");
            return Ok((started.elapsed().as_secs_f64(), peak));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn pipe_through(program: &str, mut client: Command, to: Stdio) -> Result<f64> {
    let started = Instant::now();
    let mut client = client.stdout(Stdio::piped()).spawn()?;
    let output = client.stdout.take().ok_or("no output")?;
    let status = Command::new(program).stdin(output).stdout(to).status()?;
    assert!(status.success() && client.wait()?.success());
    Ok(started.elapsed().as_secs_f64())
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
