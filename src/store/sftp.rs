//! SSH servers, reached by the machine's own `ssh`: its configuration, keys and known hosts count.

use anyhow::Result;
use opendal::Operator;
use opendal::services::Sftp;

use super::config::Config;
use super::connection::{Naming, StoreChecks, StoreConnection};
use super::destination::SftpDirectory;

/// Opens a directory of a server; it is created where it is missing.
///
/// # Errors
/// When a setting makes no sense.
pub(super) fn open(
    server: &SftpDirectory,
    config: &Config,
    owner: &str,
) -> Result<StoreConnection> {
    let port = server.port.map_or(String::new(), |port| format!(":{port}"));
    let mut builder = Sftp::default()
        .endpoint(&format!("ssh://{}{port}", server.host))
        .root(&server.path);
    if let Some(user) = &server.user {
        builder = builder.user(user);
    }
    if let Some(key) = config.get("SFTP_KEY_FILE") {
        builder = builder.key(&key);
    }
    let build = || Operator::new(builder);
    Ok(StoreConnection::new(
        build,
        Naming::Renamed(owner.to_owned()),
        StoreChecks::Nothing,
        None,
    )?)
}
