use std::io::{BufRead, ErrorKind};

use super::*;

fn small_file(level: u8) -> (Vec<u8>, Vec<u8>) {
    let data = text(700, 4);
    (compress(&data, level, &pool(1), 700).0, data)
}

/// Returns the error message with which the reader reports that `file` is damaged.
fn damage(file: &[u8]) -> String {
    let error = decompress(file).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    error.to_string()
}

#[test]
fn every_truncation_is_noticed() {
    for level in [0, 1, 2, 3, 6] {
        let (file, _) = small_file(level);
        for len in HEADER.len()..file.len() {
            let (content, trailer) = ("the compressed data", "its trailer");
            let what = if len < file.len() - 8 {
                content
            } else {
                trailer
            };
            assert_eq!(
                damage(&file[..len]),
                format!("the file ends at byte {len}, before the end of {what}")
            );
        }
    }
}

#[test]
fn every_changed_byte_is_noticed() {
    for level in [0, 1, 2, 3, 6] {
        let (file, data) = small_file(level);
        for at in HEADER.len()..file.len() {
            for change in (0..8).map(|bit| 1 << bit).chain([0xff]) {
                let mut changed = file.clone();
                changed[at] ^= change;
                match decompress(&changed) {
                    Ok((content, _)) => assert!(content == data, "byte {at} ^ {change}"),
                    Err(error) => assert_eq!(error.kind(), ErrorKind::InvalidData),
                }
            }
        }
    }
}

#[test]
fn each_kind_of_damage_is_named_with_its_place() {
    let (file, _) = small_file(6);
    let trailer = file.len() - 8;
    let changed = |at: usize| {
        let mut changed = file.clone();
        changed[at] ^= 1;
        damage(&changed)
    };
    assert!(changed(trailer).starts_with(&format!(
        "the CRC-32 differs: the trailer at byte {trailer} has "
    )));
    assert_eq!(
        changed(trailer + 4),
        format!(
            "the length differs: the trailer at byte {trailer} has 701, the content 700 (modulo 2^32)"
        )
    );
    let followed = format!(
        "more data follows the end of the compressed data at byte {}",
        file.len()
    );
    assert_eq!(damage(&[&file[..], &[0]].concat()), followed);
    assert_eq!(damage(&[&file[..], &file].concat()), followed);
    let invalid = damage(&[&HEADER[..], &[7, 1, 2]].concat());
    assert!(
        invalid.starts_with("the compressed data is damaged at byte 1"),
        "{invalid}"
    );
    assert!(invalid.contains(": invalid"), "{invalid}");
}

#[test]
fn damage_stays_damage_when_asked_again() {
    let (file, _) = small_file(2);
    let mut reader = reader(&file[..file.len() - 1]);
    let first = reader.read_to_end(&mut Vec::new()).unwrap_err().to_string();
    for _ in 0..2 {
        assert_eq!(reader.fill_buf().unwrap_err().to_string(), first);
        assert_eq!(reader.totals(), None);
    }
}

/// ISA-L 2.31 reports more unused input for these files than it received.
#[test]
fn a_damaged_block_header_is_damage() {
    for length in 1..20 {
        let mut bytes = [&HEADER[..], &[34]].concat();
        bytes.resize(HEADER.len() + length, 0);
        assert!(decompress(&bytes).is_err(), "{length}");
    }
}

proptest! {
    #[test]
    fn any_bytes_end_in_content_or_damage(bytes in proptest::collection::vec(any::<u8>(), 0..5000)) {
        let _ = decompress(&[&HEADER[..], &bytes].concat());
    }
}
