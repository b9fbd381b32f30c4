//! SQLite, without an outside program.
//!
//! One read transaction gives the snapshot. In WAL mode readers do not block writers, so the pages
//! are streamed from within it (the `sqlite_dbpage` table) and checked there. In the rollback
//! modes a reader does block writers, so the database is first copied under the transaction (the
//! online backup API), the transaction ends, and the copy is streamed and checked.

mod aside;
mod attributes;
mod beside;
mod check;
mod dumper;
mod elsewhere;
mod error;
mod facts;
mod find;
mod foreign;
mod guard;
mod image;
mod last_out;
pub mod load;
mod lock_free;
mod locks;
mod modules;
mod patience;
mod place;
mod report;
mod sides;
mod source;
mod target;
mod throwaway;
mod watch;

pub use dumper::has_dbpage;
pub use source::SqliteSource;
pub(super) use throwaway::ThrowawayFile;
