//! Object stores that speak S3.

use anyhow::Result;
use opendal::Operator;
use opendal::services::S3;

use super::config::Config;
use super::connection::{Naming, StoreChecks, StoreConnection};
use super::destination::Protocol;
use super::destination::parse::check_prefix;
use crate::exit::UsageError;

/// The size of a part, which is the least that S3 takes, and how many are on their way at a time: within the
/// memory a copy may take.
const PART: usize = 5 << 20;
const CONCURRENT: usize = 3;

/// Opens a bucket.
///
/// # Errors
/// [`UsageError`] when a setting is missing or not valid, and for a prefix that would give signatures
/// which stores refuse. The names of copies below the prefix may have any character.
pub(super) fn open(bucket: &str, prefix: &str, config: &Config) -> Result<StoreConnection> {
    check_prefix(prefix, Protocol::S3)?;
    let endpoint = config
        .get("AWS_ENDPOINT_URL")
        .or_else(|| config.get("AWS_ENDPOINT_URL_S3"));
    let region = config
        .get("AWS_REGION")
        .or_else(|| config.get("AWS_DEFAULT_REGION"));
    // Stores other than Amazon's mostly have but this one.
    let fallback = endpoint.as_ref().map(|_| "us-east-1".to_owned());
    let region = region.or(fallback).ok_or_else(|| {
        UsageError::new(
            "the region of the bucket is not known; set AWS_REGION, or AWS_ENDPOINT_URL for another store",
        )
    })?;
    let checks = match config.get("AWS_S3_CHECKSUM").as_deref() {
        None | Some("crc32c") => StoreChecks::EachPart,
        Some("none") => StoreChecks::Nothing,
        Some(_) => {
            return Err(UsageError::new("AWS_S3_CHECKSUM is neither crc32c nor none").into());
        }
    };
    let mut builder = S3::default().bucket(bucket).root(prefix).region(&region);
    if let Some(endpoint) = endpoint {
        if !endpoint.starts_with("https://") && !endpoint.starts_with("http://") {
            return Err(UsageError::new(
                "AWS_ENDPOINT_URL begins with neither https:// nor http://",
            )
            .into());
        }
        builder = builder.endpoint(endpoint.trim_end_matches('/'));
    }
    if config.get("AWS_S3_ADDRESSING_STYLE").as_deref() == Some("virtual") {
        builder = builder.enable_virtual_host_style();
    }
    if let (Some(id), Some(key)) = (
        config.get("AWS_ACCESS_KEY_ID"),
        config.get("AWS_SECRET_ACCESS_KEY"),
    ) {
        builder = builder.access_key_id(&id).secret_access_key(&key);
        if let Some(token) = config.get("AWS_SESSION_TOKEN") {
            builder = builder.session_token(&token);
        }
    }
    if checks == StoreChecks::EachPart {
        builder = builder.checksum_algorithm("crc32c");
    }
    let build = || Operator::new(builder);
    Ok(StoreConnection::new(
        build,
        Naming::AtOnce,
        checks,
        Some((CONCURRENT, PART)),
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_that_gives_wrong_signatures_is_a_usage_error() {
        for prefix in ["a b", "a/b%20", "a@b", "ü"] {
            let error = open("bucket", prefix, &Config::default()).err().unwrap();
            assert!(error.is::<UsageError>(), "{prefix}: {error:#}");
            assert!(format!("{error:#}").contains("the prefix"), "{error:#}");
        }
    }
}
