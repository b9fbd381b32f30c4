//! The encoding of a database's name in a file name.

use std::fmt::{self, Write};

use sha2::{Digest, Sha256};

/// The NAME of a dump of server-wide objects, instead of a database's name.
pub const GLOBALS: &str = "@globals";
const MAX_BYTES: usize = 200;
const DIGEST_DIGITS: usize = 16;
const MAX_CUT: usize = MAX_BYTES - "~".len() - DIGEST_DIGITS;
const LONGEST_CHARACTER: usize = "%F0%9F%A6%80".len();
/// The minimum length of a cut name, in bytes: below it, the longest character would still have
/// fitted.
const MIN_CUT: usize = MAX_CUT + 1 - LONGEST_CHARACTER;

/// The NAME in a dump's file name: the encoded name of a database, 1 to 200 bytes long.
///
/// Letters and digits of any script, `.`, `_` and `-` stay; all other bytes and a leading dot
/// become `%XX`. An encoded name that is longer than 200 bytes is cut between two characters and
/// ends in `~` and the first 16 hexadecimal digits of the SHA-256 of the whole original name.
///
/// Two names are equal if their texts are equal. Equal texts mean the same database, except after a
/// collision of hashes, which the identity in a dump's header reveals. One database has two texts
/// only if a newer version of Unicode makes one of its characters a letter. Its older dumps then
/// stay, which is the safe outcome.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// Encodes the name of a database, which may be any bytes. Returns `None` if it is empty.
    #[must_use]
    pub fn encode(database: &[u8]) -> Option<Self> {
        let mut encoded = String::with_capacity(database.len());
        let mut cut = 0;
        let mut push = |bytes: &[u8], character: Option<char>| {
            match character {
                Some(character) if is_kept(character, encoded.is_empty()) => {
                    encoded.push(character);
                }
                _ => bytes.iter().for_each(|byte| escape(&mut encoded, *byte)),
            }
            if encoded.len() <= MAX_CUT {
                cut = encoded.len();
            }
        };
        for chunk in database.utf8_chunks() {
            for character in chunk.valid().chars() {
                push(
                    character.encode_utf8(&mut [0; 4]).as_bytes(),
                    Some(character),
                );
            }
            for byte in chunk.invalid() {
                push(&[*byte], None);
            }
        }
        if encoded.len() > MAX_BYTES {
            encoded.truncate(cut);
            encoded.push('~');
            for byte in &Sha256::digest(database)[..DIGEST_DIGITS / 2] {
                write!(encoded, "{byte:02x}").expect("a String takes all text");
            }
        }
        (!encoded.is_empty()).then_some(Self(encoded))
    }

    /// Returns `@globals`, the NAME for a server's roles and other server-wide objects. No
    /// database's name encodes to it.
    #[must_use]
    pub fn for_globals() -> Self {
        Self(GLOBALS.to_owned())
    }

    /// Parses an encoded name. Returns `None` if no version of this program could have made it.
    ///
    /// The set of letters changes with each version of Unicode. Therefore any visible character
    /// beyond ASCII is accepted, plain or escaped.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let well_formed = match text.split_once('~') {
            _ if text == GLOBALS => true,
            Some((cut, digest)) => {
                (MIN_CUT..=MAX_CUT).contains(&cut.len())
                    && digest.len() == DIGEST_DIGITS
                    && digest
                        .bytes()
                        .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
                    && decode(cut).is_some()
            }
            None => (1..=MAX_BYTES).contains(&text.len()) && decode(text).is_some(),
        };
        well_formed.then(|| Self(text.to_owned()))
    }

    /// Returns the database's name, or `None` for `@globals` and for a name that was cut.
    #[must_use]
    pub fn database(&self) -> Option<Vec<u8>> {
        decode(&self.0)
    }

    /// Returns the encoded name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

fn is_kept(character: char, leading: bool) -> bool {
    match character {
        '.' => !leading,
        '_' | '-' => true,
        _ => character.is_alphanumeric(),
    }
}

/// Returns true if a later version of Unicode could make the character a letter or a digit.
fn may_become_letter(character: char) -> bool {
    let invisible = matches!(
        character,
        '\u{ad}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
    );
    !(character.is_ascii() || character.is_control() || character.is_whitespace() || invisible)
}

fn escape(encoded: &mut String, byte: u8) {
    write!(encoded, "%{byte:02X}").expect("a String takes all text");
}

fn decode(encoded: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut characters = encoded.chars();
    while let Some(character) = characters.next() {
        let leading = decoded.is_empty();
        if character == '%' {
            let byte = parse_hexadecimal(characters.next()?)? << 4
                | parse_hexadecimal(characters.next()?)?;
            if byte.is_ascii() && is_kept(byte.into(), leading) {
                return None;
            }
            decoded.push(byte);
        } else if is_kept(character, leading) || may_become_letter(character) {
            decoded.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        } else {
            return None;
        }
    }
    Some(decoded)
}

fn parse_hexadecimal(digit: char) -> Option<u8> {
    let value = digit.to_digit(16).filter(|_| !digit.is_ascii_lowercase())?;
    u8::try_from(value).ok()
}
