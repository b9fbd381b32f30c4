//! The PostgreSQL engine. It uses PostgreSQL's client programs: `psql`, `pg_dump`, `pg_dumpall`,
//! `pg_restore`.

mod analyze;
mod archive;
mod begin;
mod catalogue;
mod checking;
mod count;
mod database;
mod dumper;
mod entry_loader;
mod entry_session;
mod error;
mod fill;
mod fresh;
mod further_session;
pub mod globals;
mod index_sessions;
mod joined;
mod large;
mod left_out;
mod leftovers;
mod load;
mod load_database;
mod missing;
mod own_name;
mod pattern;
mod piece;
mod prepare;
mod programs;
mod ranges;
mod reach;
mod readers;
pub mod restore;
mod row_sessions;
mod script;
mod sections;
pub mod server;
mod session;
mod settings;
mod snapshot;
mod source;
mod sql;
mod swap;
mod target;
mod throwaway;
mod unchecked;

use std::sync::Arc;

use crate::engine::registered::Registration;
use crate::identity::Engine;
pub use source::PostgresqlSource;
use throwaway::ThrowawayCluster;

/// The entry of this engine in the registry.
pub(super) const ENGINE: Registration = Registration {
    engine: Engine::Postgresql,
    schemes: &["postgresql", "postgres"],
    parse: |url| Ok(Arc::new(PostgresqlSource::from_url(url)?)),
    throwaway: |workshop, header, stop| {
        Ok(Box::new(ThrowawayCluster::start(workshop, header, stop)?))
    },
};
