//! WebDAV servers.

use anyhow::Result;
use opendal::Operator;
use opendal::services::Webdav;

use super::config::Config;
use super::connection::{Checks, Naming, StoreConnection};
use super::destination;
use super::site::Site;
use crate::exit::UsageError;

/// Opens a directory of a server; it is created where it is missing.
///
/// # Errors
/// [`UsageError`] for credentials over a connection that others may hear.
pub(super) fn open(
    at: &destination::Site,
    config: &Config,
    owner: &str,
) -> Result<StoreConnection> {
    let user = config.get("WEBDAV_USERNAME");
    let password = config.get("WEBDAV_PASSWORD");
    if (user.is_some() || password.is_some()) && !at.is_private() {
        return Err(UsageError::new(
            "a password is not sent over webdav://, where others may hear it; say webdavs://",
        )
        .into());
    }
    let Some(url) = at.url() else {
        return Err(UsageError::new("a host is missing; say webdavs://HOST/PATH").into());
    };
    let mut builder = Webdav::default()
        .endpoint(url.as_str().trim_end_matches('/'))
        .root(&at.path);
    if let Some(user) = &user {
        builder = builder
            .username(user)
            .password(password.as_deref().unwrap_or_default());
    }
    let build = || Operator::new(builder);
    let mut connection = StoreConnection::new(
        build,
        Naming::Renamed(owner.to_owned()),
        Checks::Nothing,
        None,
    )?;
    let login = user.map(|user| (user, password));
    connection.site = Some(Site::new(url, &at.path, login)?);
    Ok(connection)
}
