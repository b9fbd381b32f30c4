//! The body of a gzip member (RFC 1952): compressed by several threads, and read back checked.
//!
//! A member is a header, which the caller writes and reads, a deflate stream, and a trailer of its
//! content's CRC-32 and length. The stream is cut into blocks that are compressed in parallel, each
//! with the end of the one before as its dictionary, as pigz does it.

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
