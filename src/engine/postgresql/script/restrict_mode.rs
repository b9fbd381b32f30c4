//! What this machine's psql knows of `\restrict`.

use anyhow::{Result, ensure};

use crate::child::Child;
use crate::engine::postgresql::target::TargetServer;

/// How a psql handles `\restrict`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum RestrictMode {
    /// psql does not know `\restrict`: it is older than August 2025.
    Unknown,
    /// psql runs no commands, except for the text between backticks after `\unrestrict`.
    ButBackticks,
    /// psql runs no commands.
    Wholly,
}

impl RestrictMode {
    /// Finds out how this machine's psql handles `\restrict`.
    ///
    /// # Errors
    /// When psql cannot be asked.
    pub(in super::super) fn detect(target: &TargetServer<'_>) -> Result<Self> {
        let mut psql = target.server.build_psql(&target.maintenance);
        psql.args(["--output=/dev/null", "--file=-"]);
        let script = b"\\restrict key\n\\unrestrict `echo key`\n";
        let psql = Child::converse(&mut psql, "psql", script, target.stop)?;
        let Err(error) = psql.finish() else {
            return Ok(RestrictMode::ButBackticks);
        };
        target.stop.check()?;
        let said = format!("{error:#}");
        if said.contains("invalid command \\restrict") {
            return Ok(RestrictMode::Unknown);
        }
        ensure!(said.contains("\\unrestrict"), error);
        Ok(RestrictMode::Wholly)
    }
}
