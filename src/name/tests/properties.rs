use jiff::Timestamp;
use proptest::{collection::vec, prelude::*};

use super::{Compression, DumpName, Format, assert_is_found, dump, name};

fn any_dump() -> impl Strategy<Value = DumpName> {
    let seconds = -62_167_219_200_i64..=253_402_207_200;
    let formats = prop::sample::select(&Format::ALL[..]);
    let compressions = prop::sample::select(&Compression::ALL[..]);
    let sequence = prop_oneof![1..=3_u32, 98..=101_u32, 1..=u32::MAX];
    (
        vec(any::<u8>(), 1..500),
        seconds,
        sequence,
        formats,
        compressions,
    )
        .prop_map(
            |(database, second, sequence, format, compression)| DumpName {
                name: name(&database),
                time: Timestamp::from_second(second).unwrap(),
                sequence,
                format,
                compression,
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_bytes_are_found_again(database in vec(any::<u8>(), 1..=500)) {
        assert_is_found(&database);
    }

    #[test]
    fn any_text_is_found_again(database in prop_oneof!["\\PC{1,120}", "[%~@./aé🦀 -]{1,120}"]) {
        assert_is_found(database.as_bytes());
    }

    #[test]
    fn different_databases_have_different_names(
        a in vec(any::<u8>(), 1..300), b in vec(any::<u8>(), 1..300),
    ) {
        prop_assert_eq!(a == b, name(&a) == name(&b));
        let (longer, longest) = ([&a[..], &[b' '; 300]].concat(), [&a[..], &[b' '; 301]].concat());
        prop_assert_ne!(name(&longer), name(&longest));
    }

    #[test]
    fn any_dump_round_trips_and_fits(dump in any_dump()) {
        let file = dump.to_string();
        prop_assert!(file.len() <= 239, "{}", file);
        prop_assert_eq!(DumpName::parse(&file), Some(dump));
    }

    #[test]
    fn sorts_by_time_then_sequence(
        a in (0..4_i64, 1..=99_u32),
        b in (0..4_i64, 1..=99_u32),
        span in prop::sample::select(vec![1_i64, 60, 86_400, 86_400 * 40, 86_400 * 400]),
    ) {
        let at = |(step, sequence)| DumpName {
            time: Timestamp::from_second(1_790_000_000 + step * span).unwrap(),
            sequence,
            ..dump(b"chinook")
        };
        prop_assert_eq!(at(a).cmp(&at(b)), a.cmp(&b));
        prop_assert_eq!(at(a).key().cmp(&at(b).key()), a.cmp(&b));
        prop_assert_eq!(at(a).to_string().cmp(&at(b).to_string()), a.cmp(&b));
    }

    #[test]
    fn sequences_above_99_are_ordered_by_number(a in 1..2000_u32, b in 1..2000_u32) {
        let at = |sequence| DumpName { sequence, ..dump(b"chinook") };
        prop_assert_eq!(at(a).cmp(&at(b)), a.cmp(&b));
    }

    #[test]
    fn whatever_is_read_prints_back(
        file in prop_oneof![
            "\\PC*",
            "[a.%2F~@é]{1,8}-[0-9]{8}T[0-9]{6}Z(_[0-9]{1,3})?\\.(sqlite|sql|pgdump|dump|other)\\.(gz|zst|xz)",
            "[a%2F~.-]{0,4}-20[0-3][0-9][01][0-9][0-3][0-9]T([0-6][0-9]){3}Z(_[0-9]{1,3})?\\.sqlite\\.gz",
        ],
    ) {
        if let Some(dump) = DumpName::parse(&file) {
            prop_assert_eq!(dump.to_string(), file);
        }
    }

    #[test]
    fn one_changed_character_is_another_dump_or_foreign(
        dump in any_dump(), at in any::<prop::sample::Index>(), to in any::<char>(),
    ) {
        let file = dump.to_string();
        let mut characters: Vec<char> = file.chars().collect();
        let at = at.index(characters.len());
        characters[at] = to;
        let changed: String = characters.into_iter().collect();
        if let Some(read) = DumpName::parse(&changed) {
            prop_assert_eq!(read.to_string(), changed.clone());
            prop_assert_eq!(read == dump, changed == file);
        }
    }
}
