use sha2::{Digest, Sha256};

use super::{Compression, DumpName, Format, Name};

mod foreign;
mod properties;

fn name(database: &[u8]) -> Name {
    Name::encode(database).expect("not empty")
}

fn dump(database: &[u8]) -> DumpName {
    DumpName {
        name: name(database),
        time: "2026-11-22T19:30:00Z".parse().unwrap(),
        sequence: 1,
        format: Format::Sqlite,
        compression: Compression::Gzip,
    }
}

fn hex(before_each: &str, bytes: &[u8]) -> String {
    let digits = bytes.iter().map(|byte| format!("{before_each}{byte:02X}"));
    digits.collect::<Vec<_>>().concat()
}

fn assert_is_found(database: &[u8]) {
    let name = name(database);
    assert!((1..=200).contains(&name.as_str().len()), "{name}");
    assert_eq!(Name::parse(name.as_str()).as_ref(), Some(&name));
    if let Some(decoded) = name.database() {
        assert_eq!(decoded, database);
    } else {
        let digits = hex("", &Sha256::digest(database)[..8]).to_lowercase();
        assert!(name.as_str().ends_with(&format!("~{digits}")), "{name}");
    }
}

#[test]
fn encodes_each_kind_of_database_name() {
    for (database, encoded) in [
        ("chinook", "chinook"),
        ("x-20260101T000000Z", "x-20260101T000000Z"),
        (
            "a-20260101T000000Z.sqlite.gz",
            "a-20260101T000000Z.sqlite.gz",
        ),
        ("a/b c", "a%2Fb%20c"),
        (".hidden", "%2Ehidden"),
        ("..", "%2E."),
        ("globals", "globals"),
        ("@globals", "%40globals"),
        ("~", "%7E"),
        ("100%", "100%25"),
        ("%41", "%2541"),
        ("🦀", "%F0%9F%A6%80"),
        ("قاعدة", "قاعدة"),
        ("Größe_数据-٣.v2", "Größe_数据-٣.v2"),
        ("e\u{301}", "e%CC%81"),
        ("a\0\n\u{2028}", "a%00%0A%E2%80%A8"),
    ] {
        assert_eq!(name(database.as_bytes()).as_str(), encoded);
        assert_is_found(database.as_bytes());
        let dump = dump(database.as_bytes());
        assert_eq!(
            dump.to_string(),
            format!("{encoded}-20261122T193000Z.sqlite.gz")
        );
        assert_eq!(DumpName::parse(&dump.to_string()), Some(dump));
    }
    assert_eq!(name(b"\xff\xc3").as_str(), "%FF%C3");
    assert_eq!(Name::encode(b""), None);
}

#[test]
fn globals_belong_to_no_database() {
    assert_eq!(Name::for_globals().as_str(), "@globals");
    assert_eq!(Name::parse("@globals"), Some(Name::for_globals()));
    assert_eq!(Name::for_globals().database(), None);
}

#[test]
fn cuts_long_names_between_characters() {
    assert_eq!(name(&[b'a'; 200]).as_str(), "a".repeat(200));
    for (database, kept) in [
        ("a".repeat(201), "a".repeat(183)),
        ("é".repeat(101), "é".repeat(91)),
        (" ".repeat(67), "%20".repeat(61)),
        ("🦀".repeat(17), "%F0%9F%A6%80".repeat(15)),
        ("🦀".repeat(500), "%F0%9F%A6%80".repeat(15)),
    ] {
        let name = name(database.as_bytes());
        let (cut, digest) = name.as_str().split_once('~').unwrap();
        assert_eq!((cut, digest.len()), (kept.as_str(), 16));
        assert_eq!(name.database(), None);
        assert_is_found(database.as_bytes());
    }
    let digest_of_201_a = "a92efd82109373e5";
    let name = name(&[b'a'; 201]);
    assert!(name.as_str().ends_with(digest_of_201_a), "{name}");
}

#[test]
fn what_is_a_letter_here_is_accepted_by_every_version() {
    for letter in ('\u{80}'..=char::MAX).filter(|c| c.is_alphanumeric()) {
        let plain = letter.to_string();
        let escaped = hex("%", plain.as_bytes());
        for text in [&plain, &escaped] {
            let name = Name::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(name.database().as_deref(), Some(plain.as_bytes()));
        }
    }
    assert_eq!(
        Name::parse("🦀").unwrap().database().as_deref(),
        Some("🦀".as_bytes())
    );
}

#[test]
fn refuses_names_no_version_makes() {
    let (cut, digest) = ("a".repeat(172), "0123456789abcdef");
    assert!(Name::parse(&format!("{cut}~{digest}")).is_some());
    for text in [
        "",
        ".",
        ".a",
        "a b",
        "a/b",
        "@",
        "@Globals",
        "@globals2",
        "a@globals",
        "a:b",
        "a\n",
        "a+b",
        "%",
        "%2",
        "%2g",
        "%2f",
        "%+1",
        "a%",
        "%41",
        "%5F",
        "%2D",
        "a%2E",
        "~",
        "a~0123456789abcdef",
        "a\u{a0}b",
        "a\u{2028}b",
        "a\u{202e}b",
        "a\u{85}b",
        "a\u{9b}b",
        "a\u{200b}b",
        &"a".repeat(201),
        &format!("{cut}~{}", &digest[1..]),
        &format!("{cut}~{digest}0"),
        &format!("{cut}~{}", digest.to_uppercase()),
        &format!("{cut}a~{digest}~"),
        &format!("{}~{digest}", "a".repeat(171)),
        &format!("{}~{digest}", "a".repeat(184)),
        &format!("{}%4~{digest}", "a".repeat(175)),
    ] {
        assert_eq!(Name::parse(text), None, "{text:?}");
    }
}

#[test]
fn reads_and_writes_every_kind_of_dump() {
    for (sequence, format, compression, ending) in [
        (1, Format::Sqlite, Compression::Gzip, ".sqlite.gz"),
        (2, Format::Sql, Compression::Zstd, "_02.sql.zst"),
        (99, Format::Pgdump, Compression::Gzip, "_99.pgdump.gz"),
        (100, Format::Other, Compression::Gzip, "_100.dump.gz"),
        (
            u32::MAX,
            Format::Sqlite,
            Compression::Zstd,
            "_4294967295.sqlite.zst",
        ),
    ] {
        let dump = DumpName {
            sequence,
            format,
            compression,
            ..dump(b"chinook")
        };
        assert_eq!(
            dump.to_string(),
            format!("chinook-20261122T193000Z{ending}")
        );
        assert_eq!(DumpName::parse(&dump.to_string()), Some(dump));
    }
    assert_eq!(serde_json::to_string(&Format::Other).unwrap(), r#""other""#);
    assert_eq!(
        serde_json::to_string(&Compression::Zstd).unwrap(),
        r#""zstd""#
    );
}
