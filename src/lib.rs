//! Dumps every database on a Linux machine, proves each dump, keeps the newest.

mod deflate;
pub mod gzip;
mod inflate;
#[cfg(feature = "isal")]
mod isal;
