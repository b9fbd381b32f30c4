//! The MySQL and MariaDB engine. It uses the server's client programs.

mod accounts;
mod catalogue;
mod client;
mod commands;
mod connect;
mod count;
mod dumper;
mod error;
mod fill;
mod flags;
mod globals;
mod inexact;
mod kept;
mod left_out;
mod leftovers;
mod load;
mod lock_wait;
mod missing;
mod move_tables;
mod new_database;
mod options;
mod prepare;
mod privileges;
mod quotes;
mod replace;
pub mod restore;
mod restore_lock;
mod script;
pub mod server;
mod session;
mod settings;
mod source;
mod sql;
mod storage_engines;
mod throwaway;
mod unreadable;
mod variables;

use std::sync::Arc;

use crate::engine::registered::Registration;
use crate::identity::Engine;
pub use source::MysqlSource;
use throwaway::ThrowawayServer;

/// The entry of this engine in the registry.
pub(super) const ENGINE: Registration = Registration {
    engine: Engine::Mysql,
    schemes: &["mysql", "mariadb"],
    parse: |url| Ok(Arc::new(MysqlSource::from_url(url)?)),
    throwaway: |workshop, header, stop| {
        Ok(Box::new(ThrowawayServer::start(workshop, header, stop)?))
    },
};
