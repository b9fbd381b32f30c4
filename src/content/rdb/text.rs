//! Strings of an RDB file: as they are, as integers, or compressed.

use std::io;

/// The length in bytes of the longest name of a key that is held in memory.
pub(super) const LONGEST_NAME: u64 = 64 << 20;

/// Refuses a name that is too long to be held in memory.
///
/// # Errors
/// When `length` is more than [`LONGEST_NAME`].
pub(super) fn refuse_long(length: u64) -> io::Result<()> {
    if length > LONGEST_NAME {
        return Err(io::Error::other(format!(
            "the name of a key has {}; names of up to {LONGEST_NAME} bytes can be restored",
            crate::human::format_count(length, "byte")
        )));
    }
    Ok(())
}

/// How a string is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StringEncoding {
    /// A string of this number of bytes.
    Plain(u64),
    /// A signed integer of this number of bytes, the lowest first.
    Integer(usize),
    /// Two lengths, then a string that LZF compressed.
    Compressed,
}

/// Returns the number in the format of lengths, or `None` if the bytes stand for something else.
pub(super) fn read_number(bytes: &[u8]) -> Option<u64> {
    let big = |bytes: &[u8]| {
        let digits = bytes.iter();
        digits.fold(0_u64, |value, byte| (value << 8) | u64::from(*byte))
    };
    match *bytes {
        [first] if first >> 6 == 0 => Some(u64::from(first)),
        [first, second] if first >> 6 == 1 => {
            Some(u64::from(first & 0x3f) << 8 | u64::from(second))
        }
        [0x80, ref digits @ ..] if digits.len() == 4 => Some(big(digits)),
        [0x81, ref digits @ ..] if digits.len() == 8 => Some(big(digits)),
        _ => None,
    }
}

/// Returns how a string is written, by what stands before it; `None` if that is not known.
pub(super) fn read_encoding(bytes: &[u8]) -> Option<StringEncoding> {
    Some(match *bytes {
        [0xc0] => StringEncoding::Integer(1),
        [0xc1] => StringEncoding::Integer(2),
        [0xc2] => StringEncoding::Integer(4),
        [0xc3] => StringEncoding::Compressed,
        _ => StringEncoding::Plain(read_number(bytes)?),
    })
}

/// Returns the decimal text of an integer, whose lowest byte is first.
pub(super) fn format_integer(bytes: &[u8]) -> Vec<u8> {
    let sign = bytes.last().is_some_and(|last| last & 0x80 != 0);
    let mut wide = [if sign { 0xff } else { 0 }; 8];
    let length = bytes.len().min(8);
    wide[..length].copy_from_slice(&bytes[..length]);
    i64::from_le_bytes(wide).to_string().into_bytes()
}

/// Returns what LZF compressed, or `None` if it is not `length` bytes or no LZF at all.
///
/// A byte below 32 precedes that many bytes and one, which are copied. Any other byte begins a
/// reference: its highest three bits are the length minus 2 (7 stands for "add the next byte"), its
/// other bits and one more byte are the distance minus 1.
pub(super) fn decompress(packed: &[u8], length: u64) -> Option<Vec<u8>> {
    let length = usize::try_from(length.min(LONGEST_NAME + 1)).ok()?;
    let mut out = Vec::new();
    let mut bytes = packed.iter().copied();
    while let Some(control) = bytes.next() {
        if control < 32 {
            for _ in 0..=control {
                out.push(bytes.next()?);
            }
        } else {
            let mut copied = usize::from(control >> 5) + 2;
            if copied == 9 {
                copied += usize::from(bytes.next()?);
            }
            let distance = (usize::from(control & 31) << 8 | usize::from(bytes.next()?)) + 1;
            let from = out.len().checked_sub(distance)?;
            for at in from..from + copied {
                out.push(out[at]);
            }
        }
        if out.len() > length {
            return None;
        }
    }
    (out.len() == length).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_one_two_five_or_nine_bytes() {
        for (bytes, expected) in [
            (&[5][..], Some(5)),
            (&[0x41, 0x02], Some(0x102)),
            (&[0x80, 1, 0, 0, 2], Some(0x0100_0002)),
            (&[0x81, 1, 0, 0, 0, 0, 0, 0, 2], Some(0x0100_0000_0000_0002)),
            (&[0x82], None),
            (&[0xc0], None),
        ] {
            assert_eq!(read_number(bytes), expected, "{bytes:?}");
        }
        assert_eq!(read_encoding(&[0xc2]), Some(StringEncoding::Integer(4)));
        assert_eq!(read_encoding(&[0xc3]), Some(StringEncoding::Compressed));
        assert_eq!(read_encoding(&[0xc4]), None);
        assert_eq!(read_encoding(&[7]), Some(StringEncoding::Plain(7)));
    }

    #[test]
    fn integers_and_compressed_strings_become_the_text_that_they_stand_for() {
        assert_eq!(format_integer(&[0xfe]), b"-2");
        assert_eq!(format_integer(&[0x00, 0x80]), b"-32768");
        assert_eq!(format_integer(&[0x40, 0xe2, 0x01, 0x00]), b"123456");
        // "a" and a reference of 29 bytes to it: what Redis writes for 30 times "a".
        assert_eq!(
            decompress(&[0, b'a', 0xe0, 20, 0], 30).as_deref(),
            Some(&[b'a'; 30][..])
        );
        assert_eq!(decompress(&[2, b'a', b'b', b'c'], 3).unwrap(), b"abc");
        for (packed, length) in [
            (&[2, b'a', b'b'][..], 3),   // ends early
            (&[2, b'a', b'b', b'c'], 4), // too short
            (&[2, b'a', b'b', b'c'], 2), // too long
            (&[0x20, 0], 3),             // refers to what is before the start
            (&[0, b'a', 0xe0, 20], 30),  // a reference without its end
        ] {
            assert_eq!(decompress(packed, length), None, "{packed:?}");
        }
    }
}
