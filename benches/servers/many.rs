//! Compares the dump of a server with many empty databases with a loop of the classic pipe.

use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::measure::{PROGRAM, Result, median, rounds, timed};
use crate::mysql;

/// The number of empty databases.
const MANY: usize = 60;

pub(crate) fn postgresql(server: &crate::postgresql::Server) -> Result<()> {
    for number in 0..MANY {
        server.psql("postgres", &format!("CREATE DATABASE many{number}"));
    }
    let shell = || server.client("sh", "postgres");
    compare("PostgreSQL", "pg_dump", shell, &server.url(""))
}

pub(crate) fn mariadb(server: &mysql::Server) -> Result<()> {
    for number in 0..MANY {
        server.sql("", &format!("CREATE DATABASE many{number}"));
    }
    // `sh` gets the options of the client, which it passes on.
    let client = server.client("mariadb-dump");
    let words = client.get_args().map(|word| word.to_string_lossy());
    let dumper = ["mariadb-dump".into()]
        .into_iter()
        .chain(words)
        .collect::<Vec<_>>();
    // By default the client leaves out routines and events.
    let dumper = format!(
        "{} --single-transaction --routines --events",
        dumper.join(" ")
    );
    compare("MariaDB", &dumper, || Command::new("sh"), &server.url(""))
}

/// Prints the time of a dump of the whole server at `url`, by one and by two jobs, and of a loop of
/// `dumper | gzip`, which `shell` runs.
fn compare(what: &str, dumper: &str, shell: impl Fn() -> Command, url: &str) -> Result<()> {
    let place = TempDir::new()?;
    let script = format!(
        "for n in $(seq 0 {}); do {dumper} many$n | gzip > many$n.gz; done",
        MANY - 1
    );
    let (mut looped, mut ours) = (Vec::new(), [const { Vec::new() }; 2]);
    for _ in 0..rounds() {
        let mut shell = shell();
        shell.args(["-euc", &script]).current_dir(place.path());
        looped.push(timed(&mut shell)?);
        for (jobs, times) in ["1", "2"].into_iter().zip(&mut ours) {
            let dumps = place.path().join("dumps");
            let mut command = Command::new(PROGRAM);
            command
                .args(["dump", "--log", "error", "--jobs", jobs])
                .args(["--exclude", "bench,forty,postgres,test", "--to"])
                .arg(&dumps)
                .arg(url)
                .stdout(Stdio::null());
            times.push(timed(&mut command)?);
            std::fs::remove_dir_all(&dumps)?;
        }
    }
    let looped = median(looped);
    println!("{MANY} empty databases of {what}:");
    println!("a loop of the client | gzip     {looped:7.2} s");
    for (jobs, times) in ["1", "2"].into_iter().zip(ours) {
        let time = median(times);
        println!(
            "dump-database dump --jobs {jobs}     {time:7.2} s, {:.2} x (wanted: at most 1)",
            time / looped
        );
    }
    Ok(())
}
