//! Compares the compressor and the reader with pigz, gzip and zstd, on the same SQL-like text:
//! `cargo bench --bench compressor [--features isal]`.
//!
//! In each round all contenders run one after the other, from a file in the page cache to
//! /dev/null. Speeds are medians of the rounds; a ratio is the median of the rounds' ratios. The
//! second speed is relative to the processor time used, which other programs on the machine
//! disturb less.

use std::{
    fs::File,
    io::{self, BufRead, Read, Write},
    num::NonZeroUsize,
    path::Path,
    process::Command,
    sync::Arc,
    thread,
    time::Instant,
};

use dump_database::gzip::{GzipReader, GzipWriter, Pool};

mod sql;

const DATA_LEN: u64 = 256_000_000;
const ROUNDS: usize = 7;
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

enum Work {
    Compress(u8),
    Verify,
    Program(&'static [&'static str]),
}
use Work::{Compress, Program, Verify};

/// The name of each contender, what it runs, and the name of the contender to compare it with.
const CONTENDERS: [(&str, Work, &str); 11] = [
    ("level 1", Compress(1), "pigz -1"),
    ("level 2", Compress(2), "pigz -1"),
    ("pigz -1", Program(&["pigz", "-1c"]), ""),
    ("zstd -1", Program(&["zstd", "-1c"]), "pigz -1"),
    ("level 3", Compress(3), "pigz -1"),
    ("level 6", Compress(6), "pigz -6"),
    ("pigz -6", Program(&["pigz", "-6c"]), ""),
    ("gzip -6", Program(&["gzip", "-6c"]), "pigz -6"),
    ("verify", Verify, "gzip -t"),
    ("gzip -t", Program(&["gzip", "-t"]), ""),
    ("pigz -t", Program(&["pigz", "-t"]), "gzip -t"),
];

/// The time that one run took, in seconds.
#[derive(Clone, Copy)]
struct Cost {
    seconds: f64,
    processor_seconds: f64,
}

struct Measured {
    name: &'static str,
    peer: &'static str,
    costs: Vec<Cost>,
    output_len: u64,
}

fn main() -> io::Result<()> {
    let threads = thread::available_parallelism()?.min(NonZeroUsize::new(4).expect("not zero"));
    let pool = Pool::new(threads)?;
    let directory = tempfile::tempdir()?;
    let [plain, compressed] = ["plain", "compressed"].map(|name| directory.path().join(name));
    sql::write(&mut File::create(&plain)?, DATA_LEN)?;
    compress(
        &mut File::open(&plain)?,
        2,
        &pool,
        File::create(&compressed)?,
    )?;

    let run = |work: &Work, output: &Path| -> io::Result<Cost> {
        let input = match work {
            Verify | Program([_, "-t"]) => &compressed,
            Compress(_) | Program(_) => &plain,
        };
        let (mut input, output) = (File::open(input)?, File::create(output)?);
        let (start, processor_start) = (Instant::now(), processor_seconds()?);
        match work {
            Compress(level) => compress(&mut input, *level, &pool, output)?,
            Verify => verify(input)?,
            Program(command) => {
                let mut child = Command::new(command[0]);
                let status = child
                    .args(&command[1..])
                    .stdin(input)
                    .stdout(output)
                    .status()?;
                assert!(status.success(), "{command:?}");
            }
        }
        Ok(Cost {
            seconds: start.elapsed().as_secs_f64(),
            processor_seconds: processor_seconds()? - processor_start,
        })
    };

    let scratch = directory.path().join("scratch");
    let mut measured = Vec::new();
    for (name, work, peer) in &CONTENDERS {
        if let Err(error) = run(work, &scratch) {
            println!("{name} cannot run here: {error}");
            continue;
        }
        let output_len = scratch.metadata()?.len();
        measured.push((
            work,
            Measured {
                name,
                peer,
                costs: Vec::new(),
                output_len,
            },
        ));
    }
    std::fs::remove_file(&scratch)?;
    for _ in 0..ROUNDS {
        for (work, measured) in &mut measured {
            measured.costs.push(run(work, Path::new("/dev/null"))?);
        }
    }
    let measured: Vec<_> = measured.into_iter().map(|(_, measured)| measured).collect();
    print_table(&measured);
    Ok(())
}

fn compress(input: &mut impl Read, level: u8, pool: &Arc<Pool>, output: File) -> io::Result<()> {
    let mut output = output;
    output.write_all(&HEADER)?;
    let mut writer = GzipWriter::new(output, level, pool);
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match input.read(&mut buffer)? {
            0 => break,
            bytes => writer.write_all(&buffer[..bytes])?,
        }
    }
    writer.finish().map(drop)
}

fn verify(mut input: File) -> io::Result<()> {
    input.read_exact(&mut HEADER.clone())?;
    let mut reader = GzipReader::new(input, HEADER.len() as u64);
    loop {
        match reader.fill_buf()?.len() {
            0 => return Ok(()),
            bytes => reader.consume(bytes),
        }
    }
}

/// Returns the user and system time of this process and of its ended children, in seconds. Linux
/// counts it in hundredths of a second (`proc_pid_stat(5)`, fields 14 to 17).
fn processor_seconds() -> io::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    let times = after_name
        .split(' ')
        .skip(11)
        .take(4)
        .filter_map(|time| time.parse::<u32>().ok());
    Ok(f64::from(times.sum::<u32>()) / 100.0)
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn print_table(measured: &[Measured]) {
    let isal = if cfg!(feature = "isal") {
        "with"
    } else {
        "without"
    };
    let megabytes = DATA_LEN as f64 / 1e6;
    println!("{megabytes} MB, {ROUNDS} rounds, {isal} ISA-L");
    println!(
        "{:<9}{:>7}{:>9}{:>9}   compared with",
        "", "MB/s", "MB/CPUs", "size"
    );
    for own in measured {
        let speed = |by: fn(&Cost) -> f64| megabytes / median(own.costs.iter().map(by));
        print!("{:<9}{:>7.0}", own.name, speed(|cost| cost.seconds));
        print!("{:>9.0}", speed(|cost| cost.processor_seconds));
        match own.output_len {
            0 => print!("{:>9}", ""),
            len => print!("{:>7.2} %", 100.0 * len as f64 / DATA_LEN as f64),
        }
        if let Some(peer) = measured.iter().find(|peer| peer.name == own.peer) {
            let faster = |by: fn(&Cost) -> f64| {
                median(
                    peer.costs
                        .iter()
                        .zip(&own.costs)
                        .map(|(peer, own)| by(peer) / by(own)),
                )
            };
            print!(
                "   {}: {:.2} x as fast",
                peer.name,
                faster(|cost| cost.seconds)
            );
            print!(" ({:.2} x by CPU)", faster(|cost| cost.processor_seconds));
            if peer.output_len > 0 {
                print!(
                    ", {:.3} x the size",
                    own.output_len as f64 / peer.output_len as f64
                );
            }
        }
        println!();
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
