//! Google's Cloud Storage.

use anyhow::Result;
use opendal::Operator;
use opendal::services::Gcs;

use super::config::Config;
use super::connection::{Naming, StoreChecks, StoreConnection};
use super::destination::Protocol;
use super::destination::parse::check_prefix;

/// Opens a bucket. A file is uploaded part by part in one resumable session, so only one part is
/// uploaded at a time.
///
/// # Errors
/// [`UsageError`](crate::exit::UsageError) for a prefix with other characters than letters, digits and `-._`.
pub(super) fn open(bucket: &str, prefix: &str, config: &Config) -> Result<StoreConnection> {
    check_prefix(prefix, Protocol::Google)?;
    let mut builder = Gcs::default().bucket(bucket).root(prefix);
    if let Some(file) = config.get("GOOGLE_APPLICATION_CREDENTIALS") {
        builder = builder.credential_path(&file);
    }
    // As Google's own clients have it: an emulator asks for no credentials.
    if let Some(host) = config.get("STORAGE_EMULATOR_HOST") {
        let url = if host.contains("://") {
            host
        } else {
            format!("http://{host}")
        };
        builder = builder.endpoint(url.trim_end_matches('/')).skip_signature();
    }
    let build = || Operator::new(builder);
    Ok(StoreConnection::new(
        build,
        Naming::AtOnce,
        StoreChecks::Md5,
        None,
    )?)
}
