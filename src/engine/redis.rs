//! The Redis and Valkey engine. It uses the server's client programs.
//!
//! A dump is the RDB file that the server sends to a replica (`redis-cli --rdb`). A restore into a
//! running server sends the serialized values of that file back, one `RESTORE` a key, into databases
//! of the server that are empty, and exchanges these with the old ones (`SWAPDB`) once all of them
//! were loaded. So a restore that fails leaves the old data as it was.

mod client;
mod commands;
mod count;
mod dumper;
mod explain;
mod feed;
mod file;
mod leftovers;
mod load;
mod places;
mod removal;
mod running;
mod server;
mod source;
mod throwaway;

use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;

use crate::engine::registered::Registration;
use crate::engine::source::Source;
use crate::identity::Engine;
use file::RdbFile;
use source::RedisSource;
use throwaway::ThrowawayServer;

/// The entry of this engine in the registry.
pub(super) const ENGINE: Registration = Registration {
    engine: Engine::Redis,
    schemes: &[
        "redis",
        "rediss",
        "redis+unix",
        "valkey",
        "valkeys",
        "valkey+unix",
    ],
    parse: |url| Ok(Arc::new(RedisSource::from_url(url)?)),
    throwaway: |workshop, header, stop| Ok(Box::new(ThrowawayServer::new(workshop, header, stop)?)),
};

/// Returns the target that a path stands for, if it is the path of an RDB file.
pub(super) fn parse_file(path: &Path) -> Option<Arc<dyn Source>> {
    let is_rdb = path.extension() == Some(OsStr::new("rdb"));
    is_rdb.then(|| Arc::new(RdbFile::new(path)) as _)
}
