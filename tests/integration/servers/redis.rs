//! Redis.

mod drill;
mod dumped;
mod file;
mod obstacles;
mod refused;
mod replaced;
mod restored;
mod server;

pub(crate) use server::Server;

/// Writes a dump next to `dump` whose library of functions does not compile. Returns its path.
fn broken_library(dump: &std::path::Path) -> std::path::PathBuf {
    drill::with_bytes(dump, b"function() return", b"functixn() return")
}
