//! Dumps every database of a Linux machine, proves each dump, and keeps the newest dumps.
//!
//! # Guarantees
//!
//! 1. A file with a final name is complete. Before it got that name, it was written under a
//!    temporary name in the same directory; the exit status and the end marker of the source were
//!    checked; it was read back to its end through the same inode, and its decompressed length and
//!    CRC were those of the source's bytes; it was synced. Then it got its name without replacing
//!    anything, and the directory was synced ([`readback`], [`directory`]). This proves the
//!    compressor and the way to the disk; [`verify`] finds what the medium damages later.
//! 2. Only published dumps count towards rotation ([`retention`]). Rotation runs only after a dump
//!    of the same database was published, and it never removes that dump. Dumps dated more than a
//!    minute after now are neither counted nor removed. A failed run deletes only its own temporary
//!    file.
//! 3. Rotation touches only dumps of the same database of the same source: files whose names this
//!    program could have made ([`name`]) and whose headers contain the same [`identity`].
//! 4. A dump is one consistent snapshot. It has a deadline, and it blocks the database's writers no
//!    more than the engine's own online snapshot does ([`engine`], [`stop`]). The source is never
//!    modified or created.
//! 5. No argument, log line, error, dump name or metadata contains a secret. Dumps have the mode
//!    0600 in a directory of mode 0700 unless the user widens them.
//! 6. Memory is constant in the size of the database.
//! 7. One failing database does not stop the others. The exit status and the last lines say which
//!    database failed and why.
//! 8. Two runs never work in one directory at once. The second run says which run holds the
//!    directory and exits with status 75. Reading needs no lock: a dump that vanishes meanwhile is
//!    no damage, and a restore verifies and loads a dump through one descriptor.
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
pub mod survey;
pub mod url;
pub mod verify;
