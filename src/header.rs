//! The header of a dump: its metadata, which can be read before its content.
//!
//! In gzip (RFC 1952), FNAME is the original file's name, MTIME the snapshot's time, and FCOMMENT
//! one ASCII JSON object, padded with spaces to a multiple of [`COMMENT`] bytes. In zstd, the same
//! padded object is in a skippable frame (RFC 8878, 3.1.2) in front of the content. Thanks to the
//! padding, one `pwrite` can complete the object in place once the totals are known. The object's
//! last key, `check`, is the CRC-32 of every header byte before it, so that a damaged header is
//! noticed.

mod bytes;
mod end;
mod left_out;
mod metadata;

pub use bytes::COMMENT;
pub use left_out::LeftOut;
pub use metadata::{DumpKind, Facts, Header, Rows};
