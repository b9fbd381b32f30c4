//! Copies of dumps in other places, and everything that reads them there.
//!
//! A copy is whole or not at all: uploaded under no name or a temporary one, checked against what the
//! store says it received, then named without replacing anything; its sidecar is written last, so a
//! copy without one is unfinished. Retention there runs only after every upload of the database was
//! finished, and counts only copies of the same identity.

mod catalogue;
mod claims;
mod drill;
#[cfg(feature = "encryption")]
mod encryption;
#[cfg(not(feature = "encryption"))]
#[path = "copy/unencrypted.rs"]
#[expect(
    clippy::unnecessary_wraps,
    clippy::unused_self,
    reason = "the functions have the signatures of those that encrypt"
)]
mod encryption;
mod fetch;
mod job;
mod list;
mod location;
mod name;
mod options;
mod plan;
mod restore;
mod rotate;
mod run;
mod sidecar;
mod state_directory;
mod status;
mod sums;
mod upload;
mod verify;

pub use drill::drill;
pub use list::list;
pub use location::{CopySelection, Location};
pub use options::CopyOptions;
pub use restore::restore;
pub use rotate::run as rotate;
pub use run::run;
pub use state_directory::{CopyStateDirectory, DestinationInUse, Records};
pub use status::{add_to, show_status};
pub use verify::verify;
