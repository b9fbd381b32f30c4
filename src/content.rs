//! What is inside a dump: its formats, their end marks, and a fingerprint of the content.

pub mod archive;
mod fingerprint;
pub mod image;
pub mod marker;

pub use fingerprint::Fingerprint;
