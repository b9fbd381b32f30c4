use std::{
    io::{Read, Write},
    num::NonZeroUsize,
    sync::Arc,
};

use proptest::prelude::*;

use super::{GzipReader, GzipWriter, Pool, Totals};

mod borders;
mod damage;
mod interoperability;
mod round_trip;
mod threads;

/// A gzip header without optional fields.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

fn pool(threads: usize) -> Arc<Pool> {
    Pool::new(NonZeroUsize::new(threads).unwrap()).unwrap()
}

/// Compresses `data`, written `piece` bytes at a time. Returns the gzip file and its totals.
fn compress(data: &[u8], level: u8, pool: &Arc<Pool>, piece: usize) -> (Vec<u8>, Totals) {
    let mut writer = GzipWriter::new(HEADER.to_vec(), level, pool);
    for piece in data.chunks(piece) {
        writer.write_all(piece).unwrap();
    }
    writer.finish().unwrap()
}

fn reader<R: Read>(mut file: R) -> GzipReader<R> {
    let mut header = HEADER;
    file.read_exact(&mut header).unwrap();
    GzipReader::new(file, HEADER.len() as u64)
}

fn decompress(file: &[u8]) -> std::io::Result<(Vec<u8>, Totals)> {
    let mut reader = reader(file);
    let mut content = Vec::new();
    reader.read_to_end(&mut content)?;
    Ok((content, reader.totals().unwrap()))
}

fn totals(data: &[u8]) -> Totals {
    let mut crc = flate2::Crc::new();
    crc.update(data);
    Totals {
        bytes: data.len() as u64,
        crc32: crc.sum(),
    }
}

/// Returns `len` pseudorandom bytes. The same seed gives the same bytes.
fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[0]
    })
    .take(len)
    .collect()
}

/// Returns `len` bytes of lines that compress about as well as SQL.
fn text(len: usize, seed: u64) -> Vec<u8> {
    noise(len / 16 + 1, seed)
        .iter()
        .enumerate()
        .flat_map(|(row, byte)| format!("({row}, 'item {byte}'),\n").into_bytes())
        .take(len)
        .collect()
}

/// Generates contents of up to four parts, each of them noise, text or a run of one byte.
fn contents() -> impl Strategy<Value = Vec<u8>> {
    let part = (0_u8..3, 0_usize..500_000, any::<u64>()).prop_map(|(kind, len, seed)| match kind {
        0 => noise(len, seed),
        1 => text(len, seed),
        _ => vec![seed.to_be_bytes()[0]; len],
    });
    proptest::collection::vec(part, 0..5).prop_map(|parts| parts.concat())
}
