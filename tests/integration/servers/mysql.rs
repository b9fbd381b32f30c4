//! MariaDB: the real server and its real clients.

mod accounts;
mod concurrent_changes;
mod copied;
mod counted;
mod drill;
mod filled;
mod forged;
mod found;
mod hard;
mod hijacked;
mod inexact;
mod left_out;
mod moved;
mod obstacles;
mod option_files;
mod refused;
mod replaced;
mod rescued;
mod restored;
mod server;
mod tls;
mod tolerated;

pub(crate) use server::Server;
