//! The dump directory, and its only owner: nothing else creates, names or removes a file there.
//!
//! Reading needs no lock. Every change goes through [`Locked`]. [`Locked::publish`] is the only way to a final name: data first (`fsync` of the file),
//! then the name (`renameat2` that replaces nothing), then the directory (`fsync`), so after a
//! power loss a final name always leads to a whole dump.

mod damage;
mod lock;
mod mount;
mod publish;
mod reading;
mod state;
mod temporary;

pub use lock::{DirectoryInUse, Locked};
pub use reading::{Directory, Entry};
pub use temporary::Temporary;
