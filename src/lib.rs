//! Dumps every database on a Linux machine, proves each dump, keeps the newest.
//!
//! # Guarantees
//!
//! 1. A file under its final name is complete. It was written under a temporary name in the same
//!    directory; the source's exit status and end marker were checked; it was read back to its end
//!    through the same inode, and its decompressed length and CRC are those of the source's bytes;
//!    it was synced; it got its name without replacing anything; the directory was synced
//!    ([`readback`], [`directory`]). This proves the compressor and the way to the disk; what the
//!    medium does later is for [`verify`].
//! 2. Only published dumps count towards rotation ([`retention`]). It runs only after a dump of the
//!    same database was published and never removes that one. Dumps dated more than a minute after
//!    now are neither counted nor removed. A failed run deletes nothing but its own temporary file.
//! 3. Rotation touches only dumps of the same database of the same source: names this program could
//!    have made ([`name`]) whose header bears the same [`identity`].
//! 4. A dump is one consistent snapshot, taken without blocking the database's writers beyond what
//!    the engine's own online snapshot needs, with a deadline ([`engine`], [`stop`]). The source is
//!    never modified or created.
//! 5. No secret in an argument, a log line, an error, a dump's name or metadata. Dumps are 0600 in
//!    a 0700 directory unless the user widens them.
//! 6. Memory is constant in the size of the database.
//! 7. One database failing does not stop the others; exit status and last lines say which and why.
//! 8. Two runs never work in one directory at once; the second says who holds it and exits 75.
//!    Reading needs no lock: a dump that vanished meanwhile is no damage, and a restore verifies
//!    and loads through one descriptor.
//! 9. A restore that fails, at any step, leaves the old database as it was ([`engine::sqlite`]).
//!
//! # The way of the data
//!
//! [`engine`] → [`meter`] → [`compress`] → [`readback`] → [`directory`] → [`rotate`]:
//! a chain of writers, of which each knows only the next.

pub mod child;
pub mod cli;
pub mod clock;
pub mod compress;
pub mod content;
#[cfg(feature = "copies")]
pub mod copy;
mod deflate;
pub mod directory;
pub mod drill;
pub mod dump;
pub mod engine;
pub mod exit;
pub mod follow;
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
pub mod metrics;
pub mod mountinfo;
pub mod name;
mod niceness;
pub mod progress;
pub mod read;
pub mod readback;
mod rename;
pub mod restore;
pub mod retention;
pub mod rotate;
pub mod secret;
pub mod series;
pub mod state;
pub mod status;
pub mod stop;
#[cfg(feature = "copies")]
pub mod store;
pub mod url;
pub mod verify;
