//! Microsoft's Azure Blob Storage.

use anyhow::Result;
use opendal::Operator;
use opendal::services::Azblob;

use super::config::Config;
use super::connection::{Naming, StoreChecks, StoreConnection};
use super::destination::Protocol;
use super::destination::parse::check_prefix;
use crate::exit::UsageError;

/// The size of a block and how many are on their way at a time: within the memory a copy may take.
const BLOCK: usize = 4 << 20;
const CONCURRENT: usize = 2;

/// Opens a container. A file is a list of blocks, which are on their way several at a time.
///
/// # Errors
/// [`UsageError`] when a setting is missing or not valid, and for a prefix with other characters than
/// letters, digits and `-._`.
pub(super) fn open(container: &str, prefix: &str, config: &Config) -> Result<StoreConnection> {
    check_prefix(prefix, Protocol::Azure)?;
    let account = config.get("AZURE_STORAGE_ACCOUNT");
    let endpoint = config.get("AZURE_STORAGE_SERVICE_ENDPOINT");
    let mut builder = if let Some(text) = config.get("AZURE_STORAGE_CONNECTION_STRING") {
        // The error of the text could repeat the key.
        Azblob::from_connection_string(&text).map_err(|_| {
            UsageError::new("AZURE_STORAGE_CONNECTION_STRING is not a connection string of Azure")
        })?
    } else {
        let default = account
            .as_ref()
            .map(|account| format!("https://{account}.blob.core.windows.net"));
        let endpoint = endpoint.or(default).ok_or_else(|| {
            UsageError::new("the storage account is not known; say it in AZURE_STORAGE_ACCOUNT")
        })?;
        Azblob::default().endpoint(endpoint.trim_end_matches('/'))
    };
    if let Some(account) = account {
        builder = builder.account_name(&account);
    }
    if let Some(key) = config.get("AZURE_STORAGE_KEY") {
        builder = builder.account_key(&key);
    }
    if let Some(token) = config.get("AZURE_STORAGE_SAS_TOKEN") {
        builder = builder.sas_token(token.trim_start_matches('?'));
    }
    let builder = builder.container(container).root(prefix);
    let build = || Operator::new(builder);
    let parts = Some((CONCURRENT, BLOCK));
    let opened = StoreConnection::new(build, Naming::AtOnce, StoreChecks::Nothing, parts);
    Ok(opened.map_err(|error| {
        UsageError::new(&format!(
            "the settings of the storage account make no sense: {error}"
        ))
    })?)
}
