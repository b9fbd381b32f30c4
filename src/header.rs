//! The header of a dump: its metadata, readable before its content.
//!
//! gzip (RFC 1952): FNAME is the original file's name, MTIME the snapshot's time, FCOMMENT one
//! ASCII JSON object padded with spaces to a multiple of [`COMMENT`] bytes. zstd: the same object, padded, in a
//! skippable frame (RFC 8878, 3.1.2) in front. The padding lets one `pwrite` complete it in place
//! once the totals are known. The object's last key, `check`, is the CRC-32 of every header byte
//! before it, so a damaged header is noticed.

mod bytes;
mod metadata;

pub use bytes::COMMENT;
pub use metadata::{DumpKind, Facts, Header, Rows};
