//! The encoder of raw deflate blocks (RFC 1951): ISA-L for levels 1 to 3 with the feature `isal`,
//! zlib-rs otherwise.

use std::io;

use flate2::{Compress, Compression, FlushCompress, Status};

/// An encoder of one level, which is reused for many blocks.
pub(crate) struct Deflater {
    level: u8,
    codec: Codec,
}

enum Codec {
    #[cfg(feature = "isal")]
    Isal(crate::isal::Deflate),
    Zlib(Compress),
}

impl Deflater {
    /// Returns an encoder of level 0 (stored) to 9. A level above 9 means 9.
    pub(crate) fn new(level: u8) -> Self {
        let codec = match level {
            #[cfg(feature = "isal")]
            1..=3 => Codec::Isal(crate::isal::Deflate::new(level)),
            _ => Codec::Zlib(Compress::new(Compression::new(convert_level(level)), false)),
        };
        Self { level, codec }
    }

    pub(crate) fn level(&self) -> u8 {
        self.level
    }

    /// Compresses `data` as the next piece of one deflate stream and appends the piece to `out`.
    /// `dictionary` is the end of the content before this piece; at most 32 KiB of it count. The
    /// piece starts on a byte boundary and, by a sync flush, ends on one. The `last` piece ends the
    /// stream.
    pub(crate) fn block(
        &mut self,
        dictionary: &[u8],
        data: &[u8],
        last: bool,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        match &mut self.codec {
            #[cfg(feature = "isal")]
            Codec::Isal(deflate) => deflate.block(dictionary, data, last, out),
            Codec::Zlib(compress) => write_zlib_block(compress, dictionary, data, last, out),
        }
    }
}

/// Returns the level of zlib-rs for a level of this program. From level 4 on, zlib-rs searches
/// about as far as zlib does one level higher, in half the time; and at its level 9, zlib-rs
/// compresses less than at its level 8.
fn convert_level(level: u8) -> u32 {
    match level.min(9) {
        level @ 4.. => u32::from(level) - 1,
        level => level.into(),
    }
}

fn write_zlib_block(
    compress: &mut Compress,
    dictionary: &[u8],
    data: &[u8],
    last: bool,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    compress.reset();
    if !dictionary.is_empty() {
        compress.set_dictionary(dictionary)?;
    }
    let flush = if last {
        FlushCompress::Finish
    } else {
        FlushCompress::Sync
    };
    let mut rest = data;
    loop {
        out.reserve(rest.len() + rest.len() / 64 + 1024);
        let consumed_before = compress.total_in();
        let status = compress.compress_vec(rest, out, flush)?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a difference within the slice"
        )]
        let consumed = (compress.total_in() - consumed_before) as usize;
        rest = &rest[consumed..];
        let output_is_full = out.len() == out.capacity();
        if status == Status::StreamEnd || (rest.is_empty() && !output_is_full && !last) {
            return Ok(());
        }
        if consumed == 0 && !output_is_full {
            return Err(io::Error::other("zlib stopped before the end of its input"));
        }
    }
}
