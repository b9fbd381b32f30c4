//! Measures a directory with very many dumps.

use std::fs;
use std::io;
use std::path::Path;

use dump_database::header::{DumpKind, Facts, Header};
use dump_database::identity::Identity;
use dump_database::name::{Compression, DumpName, Format, Name};
use jiff::Timestamp;

use super::{PROGRAM, median, seconds, text};

const DUMPS: usize = 100_000;
const ROUNDS: usize = 5;

/// Measures `list`, and rotations that remove ten dumps each.
pub(crate) fn measure(directory: &Path) -> io::Result<()> {
    fs::create_dir(directory)?;
    let newest = Timestamp::now().as_second();
    for index in 0..DUMPS {
        let seconds = i64::try_from(index).map_err(io::Error::other)? * 600;
        write(
            directory,
            Timestamp::from_second(newest - seconds).map_err(io::Error::other)?,
        )?;
    }
    let path = text(directory);
    let list = (0..ROUNDS).map(|_| seconds(PROGRAM, &["list", &path, "--json"]));
    let list = list.collect::<io::Result<Vec<_>>>()?;
    println!("list of {DUMPS} dumps: {:.2} s", median(list));
    let rotate = (1..=ROUNDS).map(|round| {
        let keep = (DUMPS - 10 * round).to_string();
        seconds(
            PROGRAM,
            &[
                "rotate",
                &path,
                "--keep",
                &keep,
                "--keep-before-shrink",
                "0",
            ],
        )
    });
    let rotate = rotate.collect::<io::Result<Vec<_>>>()?;
    println!(
        "a rotation of them that removes ten: {:.2} s",
        median(rotate)
    );
    assert_eq!(fs::read_dir(directory)?.count(), DUMPS - 10 * ROUNDS + 1);
    Ok(())
}

/// Writes a dump without content.
fn write(directory: &Path, time: Timestamp) -> io::Result<()> {
    let header = Header {
        tool: "dump-database bench".to_owned(),
        identity: Identity::from_path(Path::new("/var/lib/example/example.db")),
        kind: DumpKind::Regular,
        left_out: dump_database::header::LeftOut::default(),
        formerly: Vec::new(),
        database: "example".to_owned(),
        time,
        format: Format::Sqlite,
        engine_version: rusqlite::version().to_owned(),
        checked: None,
        facts: Facts::default(),
        bytes: 0,
        length: None,
        end: None,
        crc32: "00000000".to_owned(),
        sha256: "0".repeat(64),
        fingerprint: None,
        room: dump_database::header::COMMENT,
    };
    let name = DumpName {
        name: Name::encode(b"example").ok_or(io::ErrorKind::InvalidInput)?,
        time,
        sequence: 1,
        format: Format::Sqlite,
        compression: Compression::Gzip,
    };
    let mut bytes = header.encode(Compression::Gzip, b"example.db")?;
    bytes.extend([3, 0]); // the last block, which is empty
    bytes.extend([0; 8]); // the CRC-32 and the length of empty content
    fs::write(directory.join(name.to_string()), bytes)
}
