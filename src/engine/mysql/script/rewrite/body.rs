//! Reads the text of an object: where it names the dumped database, and which other databases it uses.

use super::options::RewriteOptions;
use crate::engine::mysql::script::lexer::{Encoding, TokenKind};
use crate::engine::mysql::script::names::{ObjectKind, ObjectReference};
use crate::engine::mysql::script::statement::Statement;
use crate::engine::mysql::script::uses::NameUse;

/// The databases that every server has.
const OF_SERVERS: [&str; 4] = ["information_schema", "mysql", "performance_schema", "sys"];

/// How the text of an object uses the names of databases.
#[derive(Debug, Default)]
pub(super) struct ObjectBody {
    /// The indices of the tokens that name the dumped database and may be changed.
    pub(super) own: Vec<usize>,
    /// The names of other databases.
    pub(super) others: Vec<String>,
    /// True if a name may or may not be the database's.
    pub(super) is_unclear: bool,
    /// True if a string has the database's name.
    pub(super) is_quoted: bool,
}

impl ObjectBody {
    /// Reads how the text of an object uses the names of databases.
    pub(super) fn read(
        statement: &Statement<'_>,
        about: ObjectReference,
        options: &RewriteOptions<'_>,
    ) -> Self {
        let is_authored = !matches!(about.object, ObjectKind::Table | ObjectKind::View);
        let every = || 1..statement.tokens.len();
        let names: Vec<_> = every()
            .filter_map(|at| Some((at, statement.name(at)?)))
            .collect();
        let is_bare = |wanted: &str| {
            let same = |name: &str| name.to_lowercase() == wanted.to_lowercase();
            names
                .iter()
                .any(|(at, name)| *at != about.name && same(name) && statement.is_bare(*at))
        };
        // A table with the database's name is an alias, too: SELECT db.i FROM db.db.
        let is_table = |(at, name): &(usize, String)| {
            *at != about.name && options.is_own(name) && statement.is(at - 1, &["."])
        };
        let own_is_bare = is_bare(options.own) || names.iter().any(is_table);
        let is_row = about.object == ObjectKind::Trigger
            && ["new", "old"].contains(&options.own.to_lowercase().as_str());
        // In another encoding, the bytes of a name differ.
        let is_foreign = about.object != ObjectKind::Table && statement.encoding != Encoding::Utf8;
        let is_own_foreign = is_foreign && !options.own.is_ascii();
        let mut body = ObjectBody::default();
        for (at, name) in &names {
            if statement.qualifies(*at) || statement.names_database(*at) {
                body.is_unclear |= is_own_foreign && !is_plain(statement.token(*at));
            }
            if !statement.qualifies(*at) {
                body.is_unclear |= options.is_own(name) && statement.names_database(*at);
                continue;
            }
            // This is the name of the object itself.
            if at + 2 == about.name {
                continue;
            }
            // The name may be a pattern, as in GRANT.
            body.is_unclear |= name.contains('\\') && options.is_own(&name.replace('\\', ""));
            let used = match (is_authored, options.is_own(name)) {
                (false, _) => statement.use_in_written(*at),
                (true, true) if is_of_trigger(statement, about, *at) => NameUse::Database,
                (true, true) if is_row => NameUse::Unclear,
                (true, true) if own_is_bare => statement.use_in_authored(*at),
                (true, true) => NameUse::Database,
                (true, false) if statement.follows_table_word(*at) && !is_bare(name) => {
                    NameUse::Database
                }
                (true, false) => NameUse::Other,
            };
            match used {
                NameUse::Database if options.is_own(name) => body.own.push(*at),
                NameUse::Database => {
                    if !OF_SERVERS.contains(&name.to_lowercase().as_str())
                        && !body.others.contains(name)
                    {
                        body.others.push(name.clone());
                    }
                }
                NameUse::Unclear => body.is_unclear = true,
                NameUse::Other => {}
            }
        }
        let runs_text = every().any(|at| {
            statement.is(at, &["PREPARE"])
                || (statement.is(at, &["EXECUTE"]) && statement.is(at + 1, &["IMMEDIATE"]))
        });
        let strings = statement.tokens.iter();
        for token in strings.filter(|token| token.kind == TokenKind::Text) {
            let text = &statement.text[token.start + 1..(token.end - 1).max(token.start + 1)];
            let text = String::from_utf8_lossy(text);
            let has_own = [&*text, &decode_string(&text)]
                .iter()
                .any(|text| has_word(text, options.own));
            let may_have = has_own || (is_own_foreign && !text.is_ascii());
            if is_authored && runs_text && may_have {
                body.is_unclear = true;
            } else if about.object != ObjectKind::Table && has_own {
                body.is_quoted = true;
            }
        }
        body.is_unclear |= is_foreign && !options.target.is_ascii() && !body.own.is_empty();
        body
    }
}

/// Returns true if the token at `at` names the database of the table that a trigger is on.
fn is_of_trigger(statement: &Statement<'_>, about: ObjectReference, at: usize) -> bool {
    let first = (about.name..statement.tokens.len()).find(|at| statement.is(*at, &["ON"]));
    about.object == ObjectKind::Trigger && first.is_some_and(|first| at == first + 1)
}

/// Returns true if the name has the same bytes in every encoding. In swe7, letters replace
/// brackets.
fn is_plain(name: &[u8]) -> bool {
    let inner = match name {
        [b'`' | b'"', inner @ .., _] => inner,
        name => name,
    };
    inner
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// Returns the text that a string stands for.
fn decode_string(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.push(match character {
            '\\' => match characters.next() {
                Some('n' | 't' | 'r' | 'b' | 'Z' | '0') | None => ' ',
                Some(escaped) => escaped,
            },
            character => character,
        });
    }
    plain.replace("''", "'").replace("\"\"", "\"")
}

fn has_word(text: &str, word: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || matches!(character, '_' | '$');
    let (text, word) = (text.to_lowercase(), word.to_lowercase());
    text.match_indices(&word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}
