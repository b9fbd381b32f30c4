//! Commands for a server, as lists of words.

/// The key that marks a database of which only a restore knows. Its value names the restore.
pub(super) const MARKER: &str = "dump-database.restoring";
/// The key that says that such a database holds the old data.
pub(super) const EXCHANGED: &str = "dump-database.exchanged";

/// One command: its words.
pub(super) type CommandWords = Vec<Vec<u8>>;

pub(super) fn write_words(words: &[&str]) -> CommandWords {
    let words = words.iter();
    words.map(|word| word.as_bytes().to_vec()).collect()
}

pub(super) fn select(database: u64) -> CommandWords {
    write_words(&["SELECT", &database.to_string()])
}

/// Returns a command in the server's protocol.
pub(super) fn encode(words: &[Vec<u8>]) -> Vec<u8> {
    let mut encoded = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        encoded.extend(format!("${}\r\n", word.len()).into_bytes());
        encoded.extend_from_slice(word);
        encoded.extend_from_slice(b"\r\n");
    }
    encoded
}

/// Returns the commands that empty these databases, of which each exists.
pub(super) fn flush(databases: &[u64]) -> Vec<CommandWords> {
    let databases = databases.iter();
    let each =
        databases.flat_map(|database| [select(*database), write_words(&["FLUSHDB", "ASYNC"])]);
    each.collect()
}

/// Returns the commands that run these at once.
pub(super) fn write_transaction(
    commands: impl IntoIterator<Item = CommandWords>,
) -> Vec<CommandWords> {
    let begin = std::iter::once(write_words(&["MULTI"]));
    let end = std::iter::once(write_words(&["EXEC"]));
    begin.chain(commands).chain(end).collect()
}
