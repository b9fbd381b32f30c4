//! Measures what dumps cost the programs that use the database meanwhile: the latency of
//! `pgbench`'s transactions, and of a writer of an SQLite database, without dumps, beside dumps by
//! this program, and beside the classic pipes. Dumps begin every ten seconds, as if ten minutes
//! were compressed into them.
//!
//! `cargo bench --features isal --bench neighbour [-- postgresql sqlite]`. Rounds alternate; the
//! figures are medians of the rounds. `ROUNDS` (5) is the number of rounds. Needs PostgreSQL with
//! `pgbench`, sqlite3, gzip and zstd.

#[allow(dead_code, reason = "shared with another bench")]
#[path = "../servers/content.rs"]
mod content;
#[allow(dead_code, reason = "shared with another bench")]
#[path = "../servers/measure.rs"]
mod measure;
#[allow(dead_code, reason = "shared with the tests")]
#[path = "../../tests/integration/servers/postgresql/server.rs"]
mod postgresql;
#[path = "../../tests/integration/servers/machine.rs"]
mod servers;
mod sqlite;

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use measure::{PROGRAM, Result, is_wanted, median, rounds, timed};

/// The time between the beginnings of two dumps.
const INTERVAL: Duration = Duration::from_secs(10);
/// The seconds of one measurement.
const SECONDS: u64 = 40;

/// What runs beside the measured program.
type Dumper<'a> = (&'a str, Option<Box<dyn Fn() -> Command + 'a>>);

/// The figures of one measurement.
#[derive(Default)]
struct Figures {
    /// Latencies in milliseconds.
    p50: Vec<f64>,
    p99: Vec<f64>,
    /// The times of the dumps in seconds.
    dumps: Vec<f64>,
}

fn main() -> Result<()> {
    // `cargo test --benches` does not ask for a measurement.
    if !std::env::args().any(|arg| arg == "--bench") {
        return Ok(());
    }
    if is_wanted("postgresql") {
        postgresql()?;
    }
    if is_wanted("sqlite") {
        sqlite::measure()?;
    }
    Ok(())
}

fn postgresql() -> Result<()> {
    let server = postgresql::Server::start();
    server.psql("postgres", "CREATE DATABASE shop");
    let pgbench = servers::newest_below("/usr/lib/postgresql").join("bin/pgbench");
    let program = pgbench.display().to_string();
    timed(server.client(&program, "shop").args(["-iq", "-s", "10"]))?;
    // The text in pgbench's own tables is blank, so it takes a compressor no time.
    server.psql("shop", &content::postgresql_table(800_000));
    server.psql("shop", "CHECKPOINT");
    let place = TempDir::new()?;
    let dumps = place.path().join("dumps");
    let pipe = |compressor: &str| {
        let mut shell = server.client("sh", "shop");
        let script = format!("pg_dump -w | {compressor} > piped");
        shell.args(["-euc", &script]).current_dir(place.path());
        shell
    };
    let ours = || {
        let mut command = Command::new(PROGRAM);
        command.args(["dump", "--log", "warn", "--to"]).arg(&dumps);
        command.arg(server.url("shop"));
        command
    };
    let dumpers: [Dumper<'_>; 4] = [
        ("no dump", None),
        ("dump-database", Some(Box::new(ours))),
        ("pg_dump | gzip", Some(Box::new(|| pipe("gzip")))),
        ("pg_dump | zstd", Some(Box::new(|| pipe("zstd -q")))),
    ];
    println!("PostgreSQL, 4 clients of pgbench with 200 transactions a second, 450 MB:");
    compare(&dumpers, || {
        let mut client = server.client(&program, "shop");
        let prefix = place.path().join("latencies");
        let seconds = SECONDS.to_string();
        client.args([
            "-n", "-c", "4", "-j", "1", "-R", "200", "-T", &seconds, "-l",
        ]);
        client.arg("--log-prefix").arg(&prefix);
        timed(client.stdout(Stdio::null()).stderr(Stdio::null()))?;
        read_latencies(place.path())
    })
}

/// Runs `measure` beside each dumper, in turns, and prints the figures. `measure` returns
/// latencies in milliseconds.
fn compare(dumpers: &[Dumper<'_>], measure: impl Fn() -> Result<Vec<f64>>) -> Result<()> {
    let mut all: Vec<_> = dumpers.iter().map(|_| Figures::default()).collect();
    for _ in 0..rounds() {
        for ((_, dumper), figures) in dumpers.iter().zip(&mut all) {
            let (latencies, times) = std::thread::scope(|scope| -> Result<_> {
                let (end, ended) = std::sync::mpsc::channel();
                let running = scope.spawn({
                    let command = dumper.as_ref().map(|dumper| dumper());
                    move || repeat(command, &ended)
                });
                let latencies = measure()?;
                drop(end);
                Ok((latencies, running.join().map_err(|_| "a thread panicked")?))
            })?;
            let mut latencies = latencies;
            latencies.sort_by(f64::total_cmp);
            let at = |percent: usize| latencies[(latencies.len() - 1) * percent / 100];
            figures.p50.push(at(50));
            figures.p99.push(at(99));
            figures.dumps.extend(times);
        }
    }
    for ((name, _), figures) in dumpers.iter().zip(all) {
        let dump = match figures.dumps.is_empty() {
            true => String::new(),
            false => format!(", a dump takes {:.2} s", median(figures.dumps)),
        };
        println!(
            "{name:32} p50 {:7.2} ms, p99 {:7.2} ms{dump}",
            median(figures.p50),
            median(figures.p99)
        );
    }
    Ok(())
}

/// Runs the command every [`INTERVAL`] until `ended` is closed. Returns the times of the runs that
/// ended before.
fn repeat(command: Option<Command>, ended: &std::sync::mpsc::Receiver<()>) -> Vec<f64> {
    let mut times = Vec::new();
    let Some(mut command) = command else {
        return times;
    };
    loop {
        let began = Instant::now();
        let mut process = command
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("it can be started");
        if !wait(&mut process, ended) {
            return times;
        }
        times.push(began.elapsed().as_secs_f64());
        let rest = INTERVAL.saturating_sub(began.elapsed());
        if ended.recv_timeout(rest) != Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            return times;
        }
    }
}

/// Waits for a dump. Returns false if the measurement ended before it; the dump is then ended too.
fn wait(process: &mut Child, ended: &std::sync::mpsc::Receiver<()>) -> bool {
    loop {
        if let Some(status) = process.try_wait().expect("it can be waited for") {
            assert!(status.success(), "a dump failed");
            return true;
        }
        let tick = ended.recv_timeout(Duration::from_millis(20));
        if tick != Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            // What a shell started would go on, and hold the next dump's files.
            let group = rustix::process::Pid::from_child(process);
            rustix::process::kill_process_group(group, rustix::process::Signal::KILL)
                .expect("it can be killed");
            process.wait().expect("it can be waited for");
            return false;
        }
    }
}

/// Returns the latencies in `pgbench`'s logs, and removes the logs.
fn read_latencies(place: &Path) -> Result<Vec<f64>> {
    let mut latencies = Vec::new();
    for entry in fs::read_dir(place)? {
        let entry = entry?;
        if entry
            .file_name()
            .to_string_lossy()
            .starts_with("latencies.")
        {
            for line in fs::read_to_string(entry.path())?.lines() {
                let microseconds: f64 = line.split(' ').nth(2).ok_or("no latency")?.parse()?;
                latencies.push(microseconds / 1000.0);
            }
            fs::remove_file(entry.path())?;
        }
    }
    Ok(latencies)
}
