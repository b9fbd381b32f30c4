//! Dumps that decompress to far more than their own size: the commands that read them stay within
//! limits of memory and time.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use dump_database::header::Header;
use dump_database::identity::Engine;
use dump_database::name::{Compression, Format};
use flate2::write::DeflateEncoder;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::ended::end_and_peak_memory;
use crate::support::{Env, PROGRAM, Run, planted};

const MIB: usize = 1 << 20;
/// The address space of a process that reads a bomb, in bytes.
const ADDRESS_SPACE: usize = 512 * MIB;

/// Returns a real header, from which the tests forge others.
fn header() -> Header {
    let env = Env::with_database();
    let mut header = planted::header(&env.dump("db.sqlite"));
    header.length = None;
    header
}

/// Writes a dump into the directory `dump`, with this header and with the content that `write`
/// writes. Returns its path.
fn forge(
    env: &Env,
    name: &str,
    mut header: Header,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> PathBuf {
    struct Summed<W> {
        sum: flate2::Crc,
        bytes: u64,
        inner: W,
    }
    impl<W: Write> Write for Summed<W> {
        fn write(&mut self, data: &[u8]) -> io::Result<usize> {
            self.sum.update(data);
            self.bytes += data.len() as u64;
            self.inner.write_all(data).map(|()| data.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut summed = Summed {
        sum: flate2::Crc::new(),
        bytes: 0,
        inner: DeflateEncoder::new(Vec::new(), flate2::Compression::best()),
    };
    write(&mut summed).unwrap();
    header.bytes = summed.bytes;
    header.crc32 = format!("{:08x}", summed.sum.sum());
    let mut dump = header.encode(Compression::Gzip, b"forged").unwrap();
    dump.extend(summed.inner.finish().unwrap());
    dump.extend(summed.sum.sum().to_le_bytes());
    dump.extend(summed.sum.amount().to_le_bytes());
    put(env, name, &dump)
}

fn put(env: &Env, name: &str, dump: &[u8]) -> PathBuf {
    fs::create_dir_all(env.dumps()).unwrap();
    let path = env.dumps().join(name);
    fs::write(&path, dump).unwrap();
    path
}

/// Returns the header of a dump in `pg_dump`'s custom format, and the archive up to its table of
/// contents.
fn archive() -> (Header, Vec<u8>) {
    let mut header = header();
    header.format = Format::Pgdump;
    header.identity.engine = Engine::Postgresql;
    header.identity.database = Some("app".to_owned());
    let mut head = b"PGDMP\x01\x0e\x00\x04\x08\x01".to_vec();
    for number in [0, 0, 0, 0, 1, 0, 100, 0] {
        head.extend(int(number)); // compression, time
    }
    for text in ["app", "15.0", "15.0"] {
        head.extend(int(i32::try_from(text.len()).unwrap()));
        head.extend(text.as_bytes());
    }
    (header, head)
}

fn int(number: i32) -> [u8; 5] {
    let [a, b, c, d] = number.to_le_bytes();
    [0, a, b, c, d]
}

fn write_zeros(out: &mut dyn Write, bytes: usize) -> io::Result<()> {
    let zeros = vec![0; MIB];
    (0..bytes / MIB).try_for_each(|_| out.write_all(&zeros))
}

/// Runs each command that reads dumps, within the limits, and asserts that none takes 100 MiB.
fn stays_small(env: &Env, dump: &Path, sentence: &str) {
    let dump = dump.display();
    for args in [
        format!("verify {dump}"),
        format!("restore {dump} postgresql://127.0.0.1:1/app"),
        format!("drill --scratch . {dump}"),
        "status dump".to_owned(),
        "list dump".to_owned(),
    ] {
        let mut limited = env.command("prlimit");
        limited.arg(format!("--as={ADDRESS_SPACE}")).arg(PROGRAM);
        limited.args(args.split_whitespace());
        limited.stdout(std::process::Stdio::piped());
        limited.stderr(std::process::Stdio::piped());
        let begun = Instant::now();
        let (run, peak) = end_and_peak_memory(limited.spawn().unwrap());
        assert!(begun.elapsed() < Duration::from_mins(1), "{args}");
        assert!(peak < 100 * MIB as u64, "{args}: {peak}");
        assert!(run.signal.is_none(), "{args}: {run:?}");
        if !args.starts_with("status") && !args.starts_with("list") {
            assert_eq!(run.status, Some(1), "{args}: {run:?}");
            let said = format!("{}{}", run.stdout, run.stderr);
            assert!(said.contains(sentence), "{args}: {run:?}");
        }
    }
}

#[test]
#[ignore = "takes about ten seconds"]
fn a_name_of_a_gigabyte_in_an_archive() {
    let env = Env::new();
    let (header, mut content) = archive();
    content.extend([int(1), int(1), int(0), int(1 << 30)].concat());
    let dump = forge(&env, "app-20261122T084634Z.pgdump.gz", header, |out| {
        out.write_all(&content)?;
        write_zeros(out, 1 << 30)
    });
    assert!(fs::metadata(&dump).unwrap().len() < 2 << 20);
    stays_small(&env, &dump, "not a valid pg_dump archive");
}

#[test]
fn entries_without_data_in_an_archive() {
    let env = Env::new();
    let (header, mut content) = archive();
    let entries = 200_000;
    content.extend(int(entries));
    let null = [1, 1, 0, 0, 0];
    let mut entry = [int(7), int(1)].concat();
    entry.extend([null; 4].concat());
    entry.extend(int(2));
    entry.extend([null; 9].concat()); // definition to dependencies
    entry.extend([0; 9]);
    let dump = forge(&env, "app-20261122T084634Z.pgdump.gz", header, |out| {
        out.write_all(&content)?;
        (0..entries).try_for_each(|_| out.write_all(&entry))
    });
    stays_small(&env, &dump, "lacks the data of 200000 tables");
}

/// Writes a dump of some gigabytes of zeros: one compressed piece, repeated `pieces` times.
fn endless(env: &Env, pieces: usize) -> PathBuf {
    let mut header = header();
    header.format = Format::Other;
    header.identity.engine = Engine::Command;
    header.bytes = (pieces * 16 * MIB) as u64;
    let mut piece = DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    write_zeros(&mut piece, 16 * MIB).unwrap();
    piece.flush().unwrap(); // Ends the piece at a whole byte.
    let piece = piece.get_ref();
    let front = header.encode(Compression::Gzip, b"forged").unwrap();
    let name = "db-20261122T084634Z.dump.gz";
    put(env, name, &[front, piece.repeat(pieces)].concat())
}

/// Writes a dump without any content, in many compressed blocks.
fn empty(env: &Env, blocks: usize) -> PathBuf {
    let header = header();
    let front = header.encode(Compression::Gzip, b"forged").unwrap();
    let body = b"\0\0\0\xff\xff".repeat(blocks);
    put(
        env,
        "db-20261122T084634Z.sqlite.gz",
        &[front, body].concat(),
    )
}

#[test]
fn reading_ends_at_the_deadline() {
    let env = Env::new();
    for dump in [endless(&env, 250), empty(&env, 60_000_000)] {
        let dump = dump.display();
        for args in [
            format!("verify --timeout 300ms {dump}"),
            format!("restore --timeout 300ms {dump} new.sqlite"),
            format!("drill --scratch . --timeout 300ms {dump}"),
        ] {
            let begun = Instant::now();
            let run = env.run(&args);
            assert!(begun.elapsed() < Duration::from_secs(10), "{args}: {run:?}");
            assert_eq!(run.status, Some(1), "{args}: {run:?}");
            let said = format!("{}{}", run.stdout, run.stderr);
            assert!(said.contains("not done within 0.30s"), "{args}: {run:?}");
        }
        fs::remove_file(dump.to_string()).unwrap();
    }
}

#[test]
fn a_signal_ends_verify_within_a_dump() {
    let env = Env::new();
    endless(&env, 600);
    for (signal, number) in [(Signal::TERM, 15), (Signal::INT, 2)] {
        let verify = env.start("verify");
        std::thread::sleep(Duration::from_millis(300));
        let begun = Instant::now();
        kill_process(Pid::from_child(&verify), signal).unwrap();
        let run = Run::end_of(verify);
        assert_eq!(run.signal, Some(number), "{run:?}");
        assert!(begun.elapsed() < Duration::from_secs(1), "{run:?}");
    }
}
