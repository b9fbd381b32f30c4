//! The content of a dump: its formats, their end markers, and a fingerprint.

pub mod archive;
mod fingerprint;
pub mod image;
pub mod marker;
pub mod rdb;

pub use fingerprint::Fingerprint;
