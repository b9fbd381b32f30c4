//! The dump directory. No other module creates, renames or removes a file there.
//!
//! Reading needs no lock. Every change goes through [`LockedDirectory`]. Only [`LockedDirectory::publish`] gives a
//! dump its final name: it calls `fsync` on the file, then `renameat2` without replacing, then
//! `fsync` on the directory. So even after a power loss, a final name always leads to a whole dump.

mod damage;
mod lock;
mod mount;
mod publish;
mod reading;
mod state;
mod temporary;

pub use lock::{DirectoryInUse, LockedDirectory};
pub use reading::{Directory, DumpFile};
pub use temporary::Temporary;
