//! The server that something is restored into.

use anyhow::Result;

use super::catalogue::{self, ServerFacts, Target};
use super::reach::{ask, connect_anywhere};
use super::server::Server;
use crate::engine::access::Access;
use crate::stop::Stop;

/// A server something is restored into.
pub(super) struct Into<'a> {
    pub(super) server: &'a Server,
    /// A database that is not the one restored.
    pub(super) maintenance: String,
    pub(super) facts: ServerFacts,
    pub(super) target: Target,
    pub(super) access: &'a Access,
    pub(super) stop: Stop,
}

impl<'a> Into<'a> {
    /// A server in which the database `restored` will change hands.
    pub(super) fn connect(
        server: &'a Server,
        restored: Option<&str>,
        access: &'a Access,
    ) -> Result<Self> {
        let stop = access.deadline;
        let (maintenance, _, facts) = connect_anywhere(server, restored, stop)?;
        let target = ask(server, &maintenance, catalogue::TARGET, stop)?;
        Ok(Into {
            server,
            maintenance,
            facts,
            target,
            access,
            stop,
        })
    }

    pub(super) fn execute(&self, statements: &[String], stop: Stop) -> Result<()> {
        self.server.execute(&self.maintenance, statements, stop)
    }
}
