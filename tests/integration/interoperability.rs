//! Every program that reads gzip or zstd can read dumps.

use std::fs;
use std::path::{Path, PathBuf};

use flate2::{Decompress, FlushDecompress, Status};

use crate::support::{Env, Run, checksum, database, planted};

/// Dumps a database of one block and a database of several blocks, each with several methods. No
/// program writes to them, and no page is free, so the content of a dump is the database file
/// itself.
fn dumps(env: &Env, methods: &[&str]) -> Vec<(PathBuf, PathBuf)> {
    let mut all = Vec::new();
    database::make_small(&env.path("small.sqlite"));
    drop(database::make_large(
        &env.path("large.sqlite"),
        "WAL",
        2_500_000,
    ));
    for source in ["small.sqlite", "large.sqlite"] {
        for method in methods {
            let dump = env.dump(&format!("{source} --compress {method} --keep 99"));
            all.push((dump, env.path(source)));
        }
    }
    all
}

const GZIP: [&str; 5] = ["gzip", "gzip:0", "gzip:1", "gzip:6", "gzip:9"];

/// Returns the checksum of what a program with `args` prints for a dump on its stdin.
fn piped(env: &Env, dump: &Path, program: &str, args: &[&str]) -> String {
    let mut command = env.command(program);
    let output = command
        .args(args)
        .stdin(fs::File::open(dump).unwrap())
        .output();
    let output = output.unwrap_or_else(|error| panic!("{program} is installed: {error}"));
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{program}: {output:?}"
    );
    checksum(&output.stdout)
}

#[test]
#[ignore = "needs pigz and python3"]
fn gzip_pigz_and_python_read_them() {
    let env = Env::new();
    let python = "import gzip, sys; sys.stdout.buffer.write(gzip.open(sys.stdin.buffer).read())";
    for (dump, source) in dumps(&env, &GZIP) {
        let content = checksum(&fs::read(&source).unwrap());
        assert_eq!(piped(&env, &dump, "gzip", &["-dc"]), content);
        assert_eq!(piped(&env, &dump, "pigz", &["-dc"]), content);
        assert_eq!(piped(&env, &dump, "python3", &["-c", python]), content);
        for program in ["gzip", "pigz"] {
            let run = Run::finish(env.command(program).arg("-t").arg(&dump)).succeeds();
            assert_eq!(run.stderr, "", "{program}");
        }
        let listed = Run::finish(env.command("gzip").arg("-l").arg(&dump)).succeeds();
        let numbers: Vec<_> = listed
            .stdout
            .lines()
            .last()
            .unwrap()
            .split_whitespace()
            .collect();
        assert_eq!(numbers[0], dump.metadata().unwrap().len().to_string());
        assert_eq!(numbers[1], source.metadata().unwrap().len().to_string());
    }
}

#[test]
fn gunzip_gives_name_and_time_back() {
    let env = Env::new();
    for name in ["db.sqlite", "ledger", "mit Ümlaut.db"] {
        database::make_small(&env.path(name));
        let mut dump = env.program("dump");
        let dump = Run::finish(dump.arg(name)).succeeds().paths().remove(0);
        let time = planted::header(&dump).time;
        let directory = env.path(format!("unpacked-{time}-{name}"));
        fs::create_dir(&directory).unwrap();
        let copy = directory.join("renamed.gz");
        fs::copy(&dump, &copy).unwrap();
        Run::finish(env.command("gunzip").arg("-N").arg(&copy)).succeeds();
        let unpacked = directory.join(name);
        assert_eq!(
            fs::read(&unpacked).unwrap(),
            fs::read(env.path(name)).unwrap()
        );
        let modified = unpacked.metadata().unwrap().modified().unwrap();
        assert_eq!(jiff::Timestamp::try_from(modified).unwrap(), time);
    }
}

/// A gzip dump is one member: a reader that stops at the end of the first member has all of it.
#[test]
fn a_bare_inflate_reads_the_whole_of_it_from_one_member() {
    let env = Env::new();
    for (dump, source) in dumps(&env, &GZIP) {
        let file = fs::read(&dump).unwrap();
        assert_eq!(file[3], 0x18, "FNAME and FCOMMENT");
        let mut header = 10;
        for _ in 0..2 {
            header += file[header..].iter().position(|byte| *byte == 0).unwrap() + 1;
        }
        let mut inflate = Decompress::new(false);
        let mut content = Vec::with_capacity(8 << 20);
        let body = &file[header..];
        let status = inflate.decompress_vec(body, &mut content, FlushDecompress::Finish);
        assert_eq!(status.unwrap(), Status::StreamEnd);
        assert_eq!(checksum(&content), checksum(&fs::read(&source).unwrap()));
        assert_eq!(
            inflate.total_in() + 8,
            body.len() as u64,
            "nothing follows the trailer"
        );
    }
}

#[test]
#[ignore = "needs zstd"]
fn zstd_reads_them() {
    let env = Env::new();
    for (dump, source) in dumps(&env, &["zstd", "zstd:1", "zstd:9"]) {
        assert!(dump.to_str().unwrap().ends_with(".sqlite.zst"));
        assert_eq!(
            piped(&env, &dump, "zstd", &["-dc"]),
            checksum(&fs::read(&source).unwrap())
        );
        Run::finish(env.command("zstd").args(["-q", "-t"]).arg(&dump)).succeeds();
    }
}

#[test]
fn the_header_says_what_the_tools_find() {
    let env = Env::new();
    for (dump, source) in dumps(&env, &["gzip", "zstd"]) {
        let header = planted::header(&dump);
        let content = fs::read(&source).unwrap();
        assert_eq!(
            checksum(&content),
            format!("{} {}", header.crc32, header.bytes)
        );
        let sum = Run::finish(env.command("sha256sum").arg(&source))
            .succeeds()
            .stdout;
        assert_eq!(sum.split(' ').next(), Some(header.sha256.as_str()));
        assert_eq!(
            header.identity.location,
            source.canonicalize().unwrap().to_str().unwrap()
        );
        let stem = source.file_stem().unwrap().to_str().unwrap();
        assert_eq!(header.database, stem);
    }
}
