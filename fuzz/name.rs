//! Dump names: every name that parses prints back identically, and every database gets a name that
//! parses.

#![no_main]

use dump_database::name::{DumpName, Name};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        if let Some(dump) = DumpName::parse(text) {
            assert_eq!(dump.to_string(), text);
            assert!(text.len() <= 255 && !text.contains(['/', '\0']) && !text.starts_with('.'));
        }
        if let Some(name) = Name::parse(text) {
            assert_eq!(name.as_str(), text);
        }
    }
    if let Some(name) = Name::encode(bytes) {
        assert_eq!(Name::parse(name.as_str()).as_ref(), Some(&name));
        assert!(name.as_str().len() <= 200 && !name.as_str().contains(['/', '\0', '\n']));
        assert!(name != Name::for_globals());
        // A name that was cut cannot be read back.
        if let Some(database) = name.database() {
            assert_eq!(database, bytes);
        }
    } else {
        assert!(bytes.is_empty());
    }
});
