//! The server that a dump is restored into.

use anyhow::Result;

use super::catalogue::{self, ServerFacts, TargetFacts};
use super::reach::{ask, connect, connect_anywhere};
use super::server::Server;
use crate::engine::access::Access;
use crate::engine::load::{ExistingDatabase, LoadOptions};
use crate::stop::Stop;

/// A server that a dump is restored into.
pub(super) struct TargetServer<'a> {
    pub(super) server: &'a Server,
    /// The database for maintenance. It is not the restored database, unless that exists and is
    /// empty.
    pub(super) maintenance: String,
    pub(super) facts: ServerFacts,
    pub(super) objects: TargetFacts,
    /// If true, objects that fail are listed and do not end the restore.
    pub(super) keep_going: bool,
    /// If true, owners and privileges are left out.
    pub(super) no_owner: bool,
    pub(super) access: &'a Access,
    pub(super) stop: Stop,
}

impl<'a> TargetServer<'a> {
    /// Connects to a server in which the database `restored` will be created, replaced or filled.
    pub(super) fn connect(
        server: &'a Server,
        restored: Option<&str>,
        options: &LoadOptions<'_>,
        access: &'a Access,
    ) -> Result<Self> {
        let stop = access.deadline;
        let (maintenance, _, facts) = match (restored, &options.existing) {
            // The role may not be allowed to connect to any other database.
            (Some(name), ExistingDatabase::Fill) => {
                connect(server, name, stop).or_else(|_| connect_anywhere(server, restored, stop))?
            }
            _ => connect_anywhere(server, restored, stop)?,
        };
        let objects = ask(server, &maintenance, catalogue::TARGET, stop)?;
        Ok(TargetServer {
            server,
            maintenance,
            facts,
            objects,
            keep_going: options.keep_going,
            no_owner: options.no_owner,
            access,
            stop,
        })
    }

    pub(super) fn execute(&self, statements: &[String], stop: Stop) -> Result<()> {
        self.server.execute(&self.maintenance, statements, stop)
    }
}
