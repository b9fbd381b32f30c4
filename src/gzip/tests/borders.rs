//! Where blocks end: a change of the content changes the compressed blocks beside it and no others.

use std::collections::HashSet;

use super::super::border::{BLOCK_LENGTHS, block_len};
use super::*;

/// Returns `rows` rows of a table, as COPY writes them.
fn rows(rows: usize) -> Vec<String> {
    let mut random = noise(rows * 24, 3).into_iter();
    (0..rows)
        .map(|row| {
            let bytes: Vec<u8> = random.by_ref().take(24).collect();
            format!("{row}\t{:?}\tpaid\t\\N\n", bytes)
        })
        .collect()
}

/// Cuts a deflate stream behind each sync flush (an empty stored block).
fn pieces(file: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let mut rest = file;
    while let Some(at) = memchr::memmem::find(rest, &[0, 0, 0xff, 0xff]) {
        let (piece, after) = rest.split_at(at + 4);
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
}

#[test]
fn a_change_changes_the_blocks_beside_it_and_no_others() {
    let before = rows(120_000);
    let mut after = before.clone();
    let changes = [20_000, 60_000, 100_000];
    after.insert(changes[0], "a new row\n".to_owned());
    after.remove(changes[1]);
    after.splice(changes[2]..changes[2], rows(1000));
    for level in [0, 2, 6] {
        let pool = pool(2);
        let [old, new] = [&before, &after].map(|rows| {
            let content = rows.concat().into_bytes();
            let (file, written) = compress(&content, level, &pool, 100_000);
            assert_eq!(decompress(&file).unwrap(), (content, written));
            file
        });
        let known: HashSet<&[u8]> = pieces(&old).into_iter().collect();
        let pieces = pieces(&new);
        let changed = pieces.iter().filter(|piece| !known.contains(*piece));
        let bytes: usize = changed.map(|piece| piece.len()).sum();
        let share = bytes as f64 / new.len() as f64;
        assert!(
            share < 0.5,
            "level {level}: {share} of {} bytes changed",
            new.len()
        );
    }
}

#[test]
fn a_block_ends_behind_a_record_of_the_window() {
    let content = rows(30_000).concat().into_bytes();
    let mut rest = &content[..];
    while rest.len() >= *BLOCK_LENGTHS.end() {
        let len = block_len(&rest[..*BLOCK_LENGTHS.end()]);
        assert!(BLOCK_LENGTHS.contains(&len), "{len}");
        assert_eq!(rest[len - 1], b'\n');
        rest = &rest[len..];
    }
}

#[test]
fn content_without_records_is_cut_at_the_longest_length() {
    let longest = *BLOCK_LENGTHS.end();
    assert_eq!(block_len(&vec![0; longest]), longest);
}

#[test]
fn of_equal_records_the_first_ends_the_block() {
    let equal = b"the same row as all others\n".repeat(*BLOCK_LENGTHS.end());
    let len = block_len(&equal[..*BLOCK_LENGTHS.end()]);
    assert!(len - BLOCK_LENGTHS.start() <= 27, "{len}");
}
