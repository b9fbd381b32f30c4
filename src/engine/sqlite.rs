//! The SQLite engine, which needs no other program.
//!
//! One read transaction gives the snapshot. In WAL mode readers do not block writers, so the engine
//! streams the pages (the `sqlite_dbpage` table) and checks them within the transaction. In the
//! rollback modes a reader does block writers, so the engine first copies the database within the
//! transaction (the online backup API), ends the transaction, and then streams and checks the copy.

mod check;
mod dumper;
mod error;
mod facts;
mod find;
mod foreign;
mod guard;
mod held_database;
mod image;
pub mod load;
mod lock_deadline;
mod lock_free;
mod locks;
mod log_remover;
mod modules;
mod new_file;
mod old_file;
mod other_journals;
mod other_processes;
mod report;
mod room;
mod sides;
mod source;
mod target_path;
mod throwaway;
mod watch;

pub use dumper::has_dbpage;
pub use source::SqliteSource;
pub(super) use throwaway::ThrowawayFile;
