//! WebDAV servers.

use anyhow::Result;
use opendal::Operator;
use opendal::services::Webdav;

use super::config::Config;
use super::connection::{Naming, StoreChecks, StoreConnection};
use super::destination::WebdavDirectory;
use super::runtime::install_cryptography;
use super::webdav_client::WebdavClient;
use crate::exit::UsageError;

/// Opens a directory of a server, and creates it if it is missing.
///
/// # Errors
/// [`UsageError`] for credentials over a connection that is neither encrypted nor within this machine.
pub(super) fn open(
    directory: &WebdavDirectory,
    config: &Config,
    owner: &str,
) -> Result<StoreConnection> {
    let user = config.get("WEBDAV_USERNAME");
    let password = config.get("WEBDAV_PASSWORD");
    if (user.is_some() || password.is_some()) && !directory.is_private() {
        return Err(UsageError::new(
            "a password is not sent over webdav://, because others can read it there; use webdavs://",
        )
        .into());
    }
    let Some(url) = directory.url() else {
        return Err(UsageError::new("a host is missing; write webdavs://HOST/PATH").into());
    };
    let mut builder = Webdav::default()
        .endpoint(url.as_str().trim_end_matches('/'))
        .root(&directory.path);
    if let Some(user) = &user {
        builder = builder
            .username(user)
            .password(password.as_deref().unwrap_or_default());
    }
    let build = || Operator::new(builder);
    let login = user.map(|user| (user, password));
    install_cryptography();
    let client = WebdavClient::new(&url, &directory.path, login)?;
    Ok(StoreConnection::new(
        build,
        Naming::Renamed(owner.to_owned(), client),
        StoreChecks::Nothing,
        None,
    )?)
}
