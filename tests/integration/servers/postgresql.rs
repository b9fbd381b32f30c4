//! PostgreSQL: the real server and its real clients.

mod clients;
mod custom;
mod down;
mod drill;
mod ended;
mod extensions;
mod filled;
mod forged;
mod german;
mod hard;
mod hijacked;
mod left_out;
mod obstacles;
mod own_name;
mod pooled;
mod reached;
mod refused;
mod replaced;
mod rescued;
mod restored;
mod rewritten;
mod roles;
mod row_sessions;
mod sandbox;
mod server;
mod sessions;
mod together;
mod unchecked;
mod whole;

pub(crate) use server::Server;
