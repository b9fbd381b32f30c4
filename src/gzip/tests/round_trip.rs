use std::io::{BufRead, Read, Write};

use flate2::read::GzDecoder;
use proptest::prelude::*;

use super::{super::writer::MAX_BLOCK_LEN, *};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_content_comes_back(
        data in contents(),
        level in 0_u8..=9,
        threads in 1_usize..=4,
        piece in 1_usize..1_000_000,
        room in 1_usize..600_000,
    ) {
        let (file, written) = compress(&data, level, &pool(threads), piece);
        prop_assert_eq!(written, totals(&data));

        let mut reader = reader(&file[..]);
        let (mut content, mut output) = (Vec::new(), vec![0; room]);
        loop {
            let bytes = reader.read(&mut output).unwrap();
            if bytes == 0 {
                break;
            }
            content.extend_from_slice(&output[..bytes]);
        }
        prop_assert!(content == data);
        prop_assert_eq!(reader.totals(), Some(written));

        let mut by_flate2 = Vec::new();
        GzDecoder::new(&file[..]).read_to_end(&mut by_flate2).unwrap();
        prop_assert!(by_flate2 == data);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_flush_anywhere_changes_nothing(
        pieces in proptest::collection::vec((0_usize..9, any::<u64>()), 0..20),
        level in 0_u8..=9,
    ) {
        let mut writer = GzipWriter::new(HEADER.to_vec(), level, &pool(1));
        let mut data = Vec::new();
        for (size, seed) in pieces {
            let piece = text(3 * size.pow(4), seed);
            writer.write_all(&piece).unwrap();
            writer.flush().unwrap();
            data.extend_from_slice(&piece);
        }
        let (file, _) = writer.finish().unwrap();
        let (content, read) = decompress(&file).unwrap();
        prop_assert!(content == data);
        prop_assert_eq!(read, totals(&data));
    }
}

#[test]
fn blocks_end_where_the_content_does() {
    let pool = pool(2);
    for len in [
        0,
        1,
        MAX_BLOCK_LEN - 1,
        MAX_BLOCK_LEN,
        MAX_BLOCK_LEN + 1,
        3 * MAX_BLOCK_LEN,
        3 * MAX_BLOCK_LEN + 1,
    ] {
        for level in [0, 2, 6] {
            let data = text(len, 7);
            let (file, written) = compress(&data, level, &pool, 100_000);
            let (content, read) = decompress(&file).unwrap();
            assert!(content == data, "{len} bytes at level {level}");
            assert_eq!((written, read), (totals(&data), totals(&data)));
        }
    }
}

#[test]
fn a_block_is_compressed_with_the_one_before_as_its_dictionary() {
    let pattern = noise(2000, 1);
    let first_block = [vec![0; MAX_BLOCK_LEN - pattern.len()], pattern.clone()].concat();
    for level in 1..=9 {
        let len_with = |second_block: &[u8]| {
            let data = [&first_block, second_block].concat();
            compress(&data, level, &pool(1), data.len()).0.len()
        };
        let (repeated, new) = (len_with(&pattern), len_with(&noise(pattern.len(), 2)));
        assert!(
            repeated + 1800 < new,
            "{repeated} not much less than {new} at level {level}"
        );
    }
}

#[test]
fn what_was_flushed_can_be_read_before_the_end() {
    /// A reader of a file that is still being written: at its end it returns `WouldBlock`.
    struct GrowingFile<'a>(&'a [u8]);

    impl Read for GrowingFile<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            if self.0.is_empty() {
                return Err(std::io::ErrorKind::WouldBlock.into());
            }
            self.0.read(buffer)
        }
    }

    let data = text(MAX_BLOCK_LEN + 12_345, 3);
    for level in [2, 6] {
        let mut writer = GzipWriter::new(HEADER.to_vec(), level, &pool(2));
        writer.write_all(&data).unwrap();
        writer.flush().unwrap();
        let mut reader = reader(GrowingFile(writer.get_ref()));
        let mut content = vec![0; data.len()];
        reader.read_exact(&mut content).unwrap();
        assert!(content == data);
        let error = reader.fill_buf().unwrap_err();
        assert_eq!(
            error.kind(),
            std::io::ErrorKind::WouldBlock,
            "passed on as it is"
        );
        assert_eq!(reader.totals(), None);

        writer.write_all(b"more").unwrap();
        let (file, written) = writer.finish().unwrap();
        let (content, read) = decompress(&file).unwrap();
        assert!(content == [&data[..], b"more"].concat());
        assert_eq!(written, read);
    }
}

#[test]
fn the_length_in_the_trailer_is_modulo_4_gib() {
    let mut writer = GzipWriter::new(HEADER.to_vec(), 2, &pool(1));
    writer.bytes = (1 << 32) - 5;
    writer.write_all(b"0123456789").unwrap();
    let (file, written) = writer.finish().unwrap();
    assert_eq!(written.bytes, (1 << 32) + 5);
    assert_eq!(file[file.len() - 4..], [5, 0, 0, 0]);

    let mut reader = reader(&file[..]);
    reader.bytes = (1 << 32) - 5;
    reader.read_to_end(&mut Vec::new()).unwrap();
    assert_eq!(reader.totals(), Some(written));
}
