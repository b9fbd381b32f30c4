//! Dumps every database on a Linux machine, proves each dump, keeps the newest.

pub mod child;
pub mod cli;
pub mod clock;
pub mod compress;
mod deflate;
pub mod directory;
pub mod dump;
pub mod engine;
pub mod exit;
pub mod gzip;
pub mod header;
pub mod human;
pub mod identity;
mod inflate;
#[cfg(feature = "isal")]
mod isal;
pub mod list;
pub mod logging;
pub mod man;
pub mod meter;
pub mod name;
pub mod progress;
pub mod readback;
pub mod restore;
pub mod retention;
pub mod rotate;
pub mod source;
pub mod stop;
pub mod verify;
