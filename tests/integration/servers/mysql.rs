//! MariaDB: the real server, its real clients.

mod drill;
mod hard;
mod refused;
mod restored;
mod server;

pub(crate) use server::Server;
