//! Parses and formats durations, sizes, counts and text for people.

use std::fmt::{Display, Write as _};
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Span, SpanRelativeTo};
use serde::{Serialize, Serializer};

/// Parses a duration such as `30s`, `1h`, `7d` or `1h 30m`. A day has 24 hours; a bare `0` is zero.
///
/// # Errors
/// One sentence that says what is accepted.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    text.parse::<Span>()
        .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()))
        .ok()
        .and_then(|span| Duration::try_from(span).ok())
        .ok_or_else(|| "expected a duration such as 30s, 10m, 1h or 7d".to_owned())
}

/// Parses a whole number above 0.
///
/// # Errors
/// One sentence that says what is accepted.
pub fn parse_positive(text: &str) -> Result<NonZeroUsize, String> {
    text.parse()
        .map_err(|_| "expected a whole number above 0".to_owned())
}

/// Reads `500kB`, `10MB`, `1.5GB`, `64MiB` or a bare number of bytes, above 0.
///
/// # Errors
/// One sentence saying what is accepted.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, f64); 8] = [
        ("", 1.0),
        ("B", 1.0),
        ("kB", 1e3),
        ("MB", 1e6),
        ("GB", 1e9),
        ("KiB", 1024.0),
        ("MiB", 1_048_576.0),
        ("GiB", 1_073_741_824.0),
    ];
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = (text[..end].parse::<f64>(), text[end..].trim_start());
    let unit = UNITS.iter().find(|(name, _)| *name == unit);
    match (number, unit) {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // it is within 1 to 1e18
        (Ok(number), Some((_, factor))) if (1.0..=1e18).contains(&(number * factor)) => {
            Ok((number * factor) as u64)
        }
        _ => Err("expected a size such as 500kB or 10MB".to_owned()),
    }
}

/// Returns the bytes in lower-case hexadecimal.
#[must_use]
pub fn format_hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Returns the first characters of a text, at most `longest` of them.
#[must_use]
pub fn cut(text: &str, longest: usize) -> String {
    text.chars().take(longest).collect()
}

/// Returns text that is safe on a terminal and in one line of a log. Every control character and
/// every character that ends a line or changes the direction of text is escaped, as `\u{1b}`. The
/// whole log and each line on stdout that is for people pass through this function, because others
/// choose names, the content of dumps and the messages of servers.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_plain(character) {
            shown.push(character);
        } else {
            shown.extend(character.escape_default());
        }
    }
    shown
}

/// Returns indented JSON in which no string holds a character that [`escape`] escapes.
///
/// # Errors
/// When a value cannot be written as JSON.
pub fn format_json(value: &impl Serialize) -> serde_json::Result<String> {
    let text = serde_json::to_string_pretty(value)?;
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        // These are JSON's own line breaks; those within strings are already escaped.
        if character == '\n' || is_plain(character) {
            shown.push(character);
        } else {
            let _ = write!(shown, "\\u{:04x}", u32::from(character));
        }
    }
    Ok(shown)
}

/// Writes the rows as the JSON list that [`format_json`] makes of them, one row in memory at a time.
///
/// # Errors
/// When a row cannot be written.
pub fn write_json_list<Row: Serialize>(
    out: &mut impl Write,
    rows: impl Iterator<Item = Row>,
) -> io::Result<()> {
    let mut before = "[";
    for row in rows {
        let row = format_json(&row)?.replace('\n', "\n  ");
        write!(out, "{before}\n  {row}")?;
        before = ",";
    }
    writeln!(out, "{}", if before == "[" { "[]" } else { "\n]" })
}

/// Serializes a path as text. Bytes that are not UTF-8 become U+FFFD.
///
/// # Errors
/// When the serializer fails.
pub fn serialize_path<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

fn is_plain(character: char) -> bool {
    let turns = matches!(
        character,
        '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    !turns && !character.is_control()
}

/// Returns a duration in its two largest units: 90 seconds are `1m 30s`.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [
        (86_400, "d", 3_600, "h"),
        (3_600, "h", 60, "m"),
        (60, "m", 1, "s"),
    ];
    for (large, large_unit, small, small_unit) in units {
        if seconds >= large {
            let rest = seconds % large / small;
            return match rest {
                0 => format!("{}{large_unit}", seconds / large),
                _ => format!("{}{large_unit} {rest}{small_unit}", seconds / large),
            };
        }
    }
    match seconds {
        0 if !duration.is_zero() => format!("{:.2}s", duration.as_secs_f64()),
        _ => format!("{seconds}s"),
    }
}

/// Returns an age like [`format_duration`]. If the age is negative, the time lies ahead: `in 5m`.
#[must_use]
pub fn format_age(age: SignedDuration) -> String {
    let text = format_duration(Duration::from_secs(age.as_secs().unsigned_abs()));
    if age.is_negative() {
        format!("in {text}")
    } else {
        text
    }
}

/// Returns a size in decimal units, such as `1.2 MB`.
#[must_use]
pub fn format_bytes(bytes: u64) -> String {
    indicatif::DecimalBytes(bytes).to_string()
}

/// Returns a number of things, in the singular or the plural: "1 table", "2 tables".
#[must_use]
pub fn format_count<N: Copy + Display + PartialEq + From<u8>>(number: N, thing: &str) -> String {
    let ending = match thing.strip_suffix('s') {
        _ if number == N::from(1) => "",
        Some(_) => "es",
        None => "s",
    };
    format!("{number} {thing}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_by_rows_is_the_list_as_a_whole() {
        for rows in [
            vec![],
            vec![vec!["a"]],
            vec![vec!["b\u{202e}", "c\n"], vec![]],
        ] {
            let mut written = Vec::new();
            write_json_list(&mut written, rows.iter()).unwrap();
            let whole = format_json(&rows).unwrap() + "\n";
            assert_eq!(String::from_utf8(written).unwrap(), whole);
        }
    }

    #[test]
    fn one_thing_is_singular() {
        for (number, thing, expected) in [
            (0_u64, "table", "0 tables"),
            (1, "table", "1 table"),
            (2, "table", "2 tables"),
            (1, "process", "1 process"),
            (2, "process", "2 processes"),
        ] {
            assert_eq!(format_count(number, thing), expected);
        }
    }

    #[test]
    fn durations_read_and_print() {
        for (text, seconds, printed) in [
            ("30s", 30, "30s"),
            ("90s", 90, "1m 30s"),
            ("1h", 3_600, "1h"),
            ("7d", 604_800, "7d"),
            ("1d 2h", 93_600, "1d 2h"),
            ("0", 0, "0s"),
        ] {
            let read = parse_duration(text).unwrap();
            assert_eq!(read, Duration::from_secs(seconds), "{text}");
            assert_eq!(format_duration(read), printed);
        }
        for wrong in ["", "10", "-5m", "soon", "1 fortnight"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }
}
