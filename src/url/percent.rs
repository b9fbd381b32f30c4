//! Percent-encoding of the parts of a URL.

use std::fmt::Write;

/// Percent-encodes text for a part of a URL.
#[must_use]
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                encoded.push(char::from(byte));
            }
            _ => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

/// Decodes a part of a URL: `%XX` becomes one byte, all other bytes stay.
pub(super) fn decode(encoded: &str) -> Vec<u8> {
    let bytes = encoded.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = encoded
            .get(at + 1..at + 3)
            .filter(|hex| bytes[at] == b'%' && hex.bytes().all(|digit| digit.is_ascii_hexdigit()));
        if let Some(byte) = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            decoded.push(byte);
            at += 3;
        } else {
            decoded.push(bytes[at]);
            at += 1;
        }
    }
    decoded
}

/// Decodes a part of a URL. Returns `None` if the decoded bytes are not UTF-8.
pub(super) fn decode_text(encoded: &str) -> Option<String> {
    String::from_utf8(decode(encoded)).ok()
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn only_two_hexadecimal_digits_are_decoded() {
        assert_eq!(decode("%41%4a%4A"), b"AJJ");
        for literal in ["%+f", "%-1", "%4", "%", "%g0"] {
            assert_eq!(decode(literal), literal.as_bytes());
        }
    }
}
