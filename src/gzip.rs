//! The body of a gzip member (RFC 1952): a parallel compressor, and a reader that checks the
//! member.
//!
//! A member consists of a header, which the caller writes and reads, a deflate stream, and a
//! trailer with the CRC-32 and the length of the content. The stream is cut into blocks, which
//! several threads compress in parallel. As in pigz, the dictionary of each block is the end of the
//! block before it. The content chooses where a block ends, so that deduplicating stores recognise what
//! did not change.

mod border;
mod pool;
mod reader;
#[cfg(test)]
mod tests;
mod totals;
mod writer;

pub use pool::Pool;
pub use reader::GzipReader;
pub use totals::Totals;
pub use writer::GzipWriter;
