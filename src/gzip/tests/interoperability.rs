use std::{
    io::{Read, Write},
    process::{Command, Stdio},
    thread,
};

use super::{super::writer::MAX_BLOCK_LEN, *};

const PYTHON_GZIP: &str =
    "import gzip, sys; sys.stdout.buffer.write(gzip.decompress(sys.stdin.buffer.read()))";
/// Decompresses the first member with Python's `zlib` and fails if data follows the member.
const PYTHON_ZLIB: &str = "
import sys, zlib
member = zlib.decompressobj(31)
sys.stdout.buffer.write(member.decompress(sys.stdin.buffer.read()))
sys.exit(not member.eof or member.unused_data != b'')";

/// Runs `program` with `file` as its standard input. Returns its standard output.
fn run(program: &str, arguments: &[&str], file: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program} is needed for this test: {error}"));
    let (mut input, mut output) = (child.stdin.take().unwrap(), Vec::new());
    thread::scope(|scope| {
        scope.spawn(move || input.write_all(file).unwrap());
        child
            .stdout
            .take()
            .unwrap()
            .read_to_end(&mut output)
            .unwrap();
    });
    assert!(child.wait().unwrap().success(), "{program} {arguments:?}");
    output
}

#[test]
fn every_gunzip_reads_it() {
    let pool = pool(3);
    let contents = [
        vec![],
        noise(2 * MAX_BLOCK_LEN, 5),
        text(3 * MAX_BLOCK_LEN + 99, 6),
    ];
    for (data, level) in contents
        .iter()
        .zip([2, 1, 2])
        .chain(contents.iter().zip([6, 0, 9]))
    {
        let (file, _) = compress(data, level, &pool, data.len() + 1);
        assert!(run("gzip", &["-dc"], &file) == *data);
        assert!(run("pigz", &["-dc"], &file) == *data);
        assert!(run("python3", &["-c", PYTHON_GZIP], &file) == *data);
        assert!(run("python3", &["-c", PYTHON_ZLIB], &file) == *data);
        run("gzip", &["-t"], &file);
        run("pigz", &["-t"], &file);
    }
}

#[test]
fn files_of_other_programs_are_read() {
    let data = text(1_000_000, 8);
    for (program, level) in [
        ("gzip", "-1"),
        ("gzip", "-9"),
        ("pigz", "-2"),
        ("pigz", "-6"),
    ] {
        let file = run(program, &["-nc", level], &data);
        assert_eq!(file[..4], HEADER[..4], "a header of ten bytes");
        assert!(decompress(&file).unwrap().0 == data, "{program} {level}");
    }
}
