//! What a store needs beside its URL: the environment, and the file of `--store-config`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::{Context, Result};

use crate::exit::UsageError;

/// The names that a file may give, which are those of the environment.
const NAMES: [&str; 17] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_S3_ADDRESSING_STYLE",
    "AWS_S3_CHECKSUM",
    "AZURE_STORAGE_ACCOUNT",
    "AZURE_STORAGE_CONNECTION_STRING",
    "AZURE_STORAGE_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_SERVICE_ENDPOINT",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "SFTP_KEY_FILE",
    "STORAGE_EMULATOR_HOST",
    "WEBDAV_PASSWORD",
    "WEBDAV_USERNAME",
];

/// Settings of stores: those of a file, else those of the environment. Their values are not shown.
#[derive(Clone, Default)]
pub struct Config(BTreeMap<String, String>);

impl Config {
    /// Reads lines KEY=VALUE. Empty lines and lines that begin with `#` are ignored.
    ///
    /// # Errors
    /// When the file cannot be read; [`UsageError`] for a line that is none of these.
    pub fn from_file(path: &Path) -> Result<Self> {
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the settings of the store, {shown}"))?;
        let lines = text
            .lines()
            .enumerate()
            .map(|(number, line)| (number + 1, line.trim()));
        let mut values = BTreeMap::new();
        for (number, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            let wrong = |what: &str| UsageError::new(&format!("line {number} of {shown} {what}"));
            let (name, value) = line
                .split_once('=')
                .ok_or_else(|| wrong("is not KEY=VALUE"))?;
            let name = NAMES
                .iter()
                .find(|known| **known == name.trim())
                .ok_or_else(|| wrong(&format!("sets none of {}", NAMES.join(", "))))?;
            let value = value.trim();
            let quoted = value
                .strip_prefix('"')
                .and_then(|value| value.strip_suffix('"'));
            values.insert((*name).to_owned(), quoted.unwrap_or(value).to_owned());
        }
        Ok(Config(values))
    }

    /// Returns a setting of the file, else of the environment; an empty one is none.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        let given = self.0.get(name).cloned();
        given
            .or_else(|| std::env::var(name).ok())
            .filter(|value| !value.is_empty())
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_gives_settings_and_nothing_of_it_is_shown() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("config");
        let read = |text: &str| {
            std::fs::write(&file, text).unwrap();
            Config::from_file(&file)
        };
        let config = read("# the key\nAWS_ACCESS_KEY_ID = \"abc\"\n\nAWS_REGION=x=y\n").unwrap();
        assert_eq!(config.get("AWS_ACCESS_KEY_ID").as_deref(), Some("abc"));
        assert_eq!(config.get("AWS_REGION").as_deref(), Some("x=y"));
        assert!(!format!("{config:?}").contains("abc"));
        for wrong in ["s3cret", "PASSWORD=s3cret", "=s3cret"] {
            let error = read(&format!("\n{wrong}\n")).unwrap_err();
            assert!(error.is::<UsageError>());
            let text = format!("{error:#}");
            assert!(
                text.contains("line 2") && !text.contains("s3cret"),
                "{text}"
            );
        }
    }
}
