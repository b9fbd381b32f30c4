//! Compares whole dumps with what people do with SQLite today, and measures the program's own
//! costs: `cargo bench --bench dump --features isal [-- sqlite memory start many]`. Needs sqlite3,
//! pigz and GNU time, and about 8 GB of disk.
//!
//! In each round all of them run one after the other. Times are medians of the rounds; a ratio is
//! the median of the rounds' ratios.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

mod database;
mod many;

const ROUNDS: usize = 5;
const PROGRAM: &str = env!("CARGO_BIN_EXE_dump-database");

fn main() -> io::Result<()> {
    let scratch = tempfile::tempdir()?;
    let at = scratch.path();
    let only: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with('-'))
        .collect();
    let wanted = |part: &str| only.is_empty() || only.iter().any(|one| one == part);
    if wanted("sqlite") {
        sqlite(at)?;
    }
    if wanted("memory") {
        memory(at)?;
    }
    if wanted("start") {
        let times = (0..50).map(|_| seconds(PROGRAM, &["--version"]));
        let times = times.collect::<io::Result<Vec<_>>>()?;
        println!("start-up: {:.1} ms", 1000.0 * median(times));
    }
    if wanted("many") {
        many::measure(&at.join("many"))?;
    }
    Ok(())
}

fn sqlite(at: &Path) -> io::Result<()> {
    println!("SQLite, 500 MB: dumped, checked, read back, synced, rotated; {ROUNDS} rounds");
    for (mode, kind) in [("wal", "WAL"), ("delete", "rollback journal")] {
        let source = at.join(format!("{mode}.db"));
        database::make(&source, 500_000_000, mode)?;
        against_backup_and_pigz(&source, kind, at)?;
        fs::remove_file(&source)?;
    }
    Ok(())
}

fn memory(at: &Path) -> io::Result<()> {
    for megabytes in [100, 2000] {
        let source = at.join("size.db");
        database::make(&source, megabytes * 1_000_000, "wal")?;
        let peak = peak_memory(&source, &at.join("size"))? as f64 / 1024.0;
        println!("peak memory of a dump of {megabytes} MB: {peak:.1} MiB");
        fs::remove_file(&source)?;
        fs::remove_dir_all(at.join("size"))?;
    }
    Ok(())
}

/// Compares the program's dump with `sqlite3 DB ".backup copy" && pigz copy`.
fn against_backup_and_pigz(source: &Path, kind: &str, at: &Path) -> io::Result<()> {
    let (database, to) = (text(source), text(&at.join("dumps")));
    let copy = at.join("copy");
    let dump = || seconds(PROGRAM, &["--log", "error", "dump", &database, "--to", &to]);
    let thorough = || {
        let args = [
            "--log",
            "error",
            "dump",
            &database,
            "--to",
            &to,
            "--full-check",
            "0",
        ];
        seconds(PROGRAM, &args)
    };
    let peer = || -> io::Result<f64> {
        let backup = seconds("sqlite3", &[&database, &format!(".backup {}", text(&copy))])?;
        let pigz = seconds("pigz", &["-f", &text(&copy)])?;
        Ok(backup + pigz)
    };
    dump()?;
    peer()?;
    let mut all = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        all[0].push(dump()?);
        all[1].push(peer()?);
        all[2].push(thorough()?);
    }
    let size = |path: &Path| Ok::<_, io::Error>(fs::metadata(path)?.len() as f64);
    let newest = fs::read_dir(&to)?.flatten().map(|entry| entry.path()).max();
    let plain = size(source)?;
    let sizes = [
        size(&newest.unwrap_or_default())?,
        size(&copy.with_extension("gz"))?,
    ];
    println!("{kind}");
    let [own, peer, thorough] = &all;
    let rows = [
        ("dump-database", own, sizes[0]),
        ("sqlite3 .backup && pigz", peer, sizes[1]),
        ("with --full-check 0", thorough, sizes[0]),
    ];
    for (name, times, bytes) in rows {
        let ratio = median(
            peer.iter()
                .zip(times)
                .map(|(peer, own)| peer / own)
                .collect(),
        );
        println!(
            "  {name:<26}{:>7.2} s {:>7.0} MB/s {:>6.1} %   {ratio:.2} x the speed",
            median(times.clone()),
            plain / 1e6 / median(times.clone()),
            100.0 * bytes / plain,
        );
    }
    fs::remove_dir_all(&to)
}

fn peak_memory(source: &Path, to: &Path) -> io::Result<u64> {
    let output = Command::new("/usr/bin/time")
        .args(["-f", "%M", PROGRAM, "--log", "error", "dump"])
        .args([source, Path::new("--to"), to])
        .output()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    text.trim().parse().map_err(|_| io::Error::other(text))
}

/// Returns how long a program runs, in seconds; its output is dropped.
fn seconds(program: &str, args: &[&str]) -> io::Result<f64> {
    let start = Instant::now();
    let status = Command::new(program)
        .args(args)
        .stdout(Stdio::null())
        .status()?;
    if !status.success() {
        return Err(io::Error::other(format!("{program} {args:?}: {status}")));
    }
    Ok(start.elapsed().as_secs_f64())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
