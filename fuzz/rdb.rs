//! RDB files of Redis and Valkey: any bytes are judged, with little memory, and the result and what
//! is handed on do not depend on the parts in which the bytes come.

#![no_main]

use std::io;

use arbitrary::Arbitrary;
use dump_database::content::rdb::{Key, Rdb, Visitor};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Input {
    bytes: Vec<u8>,
    /// Whether the bytes follow the front of a file, and of whose file.
    front: Option<bool>,
    part: u8,
}

/// Keeps what it gets.
#[derive(Debug, Default, PartialEq)]
struct Kept {
    keys: Vec<(Vec<u8>, u8, Option<u64>)>,
    values: Vec<u8>,
    ends: usize,
}

impl Visitor for Kept {
    const NAMES: bool = true;

    fn visit_key(&mut self, key: Key<'_>) -> io::Result<()> {
        self.keys.push((key.name.to_vec(), key.kind, key.expires));
        Ok(())
    }

    fn visit_part(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.values.extend_from_slice(bytes);
        Ok(())
    }

    fn end_value(&mut self) -> io::Result<()> {
        self.ends += 1;
        Ok(())
    }
}

fuzz_target!(|input: Input| {
    let mut bytes = match input.front {
        None => Vec::new(),
        Some(true) => b"VALKEY080".to_vec(),
        Some(false) => b"REDIS0012".to_vec(),
    };
    bytes.extend(&input.bytes);
    let judge = |part: usize| {
        let mut rdb = Rdb::<Kept>::default();
        let mut own = 0;
        for part in bytes.chunks(part) {
            match rdb.read(part) {
                Ok(read) => own += read,
                Err(error) => return Err(error.kind()),
            }
        }
        let check = rdb.check();
        Ok((own, check, rdb.visitor))
    };
    assert_eq!(judge(1 + usize::from(input.part)), judge(1 << 20));
});
