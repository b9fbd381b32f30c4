//! The clients' options: those of a URL, and those in the user's option files.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Result, ensure};
use zeroize::Zeroizing;

use super::client::Client;
use crate::child::output::read_output;
use crate::secret::Secret;
use crate::stop::Stop;
use crate::url::Url;

/// URL parameters that become client options of the same name.
const OPTIONS: [&str; 14] = [
    "socket",
    "protocol",
    "ssl",
    "ssl-ca",
    "ssl-capath",
    "ssl-cert",
    "ssl-cipher",
    "ssl-crl",
    "ssl-crlpath",
    "ssl-key",
    "ssl-mode",
    "ssl-verify-server-cert",
    "skip-ssl",
    "tls-version",
];
pub(super) const DEFAULTS_FILE: &str = "defaults-file";

/// Checks the parameters of a URL.
///
/// # Errors
/// One sentence, when the URL has an unknown parameter.
pub(super) fn check(url: &Url) -> Result<(), String> {
    let known = |name: &str| name == DEFAULTS_FILE || OPTIONS.contains(&name);
    match url.parameters().find(|(name, _)| !known(name)) {
        Some((name, _)) => Err(format!(
            "{name} is not a parameter of a mysql:// URL; expected {DEFAULTS_FILE} or one of {}",
            OPTIONS.join(", ")
        )),
        None => Ok(()),
    }
}

/// Returns the value of a parameter of the URL.
pub(super) fn find_parameter(url: &Url, name: &str) -> Option<String> {
    let mut parameters = url.parameters();
    parameters
        .find(|(other, _)| other == name)
        .map(|(_, value)| value)
}

/// Options that make a dump incomplete, or that change a server when a dump is made or loaded.
pub(super) const OF_PARTS: [&str; 25] = [
    "all-databases",
    "apply-replica-statements",
    "apply-slave-statements",
    "as-of",
    "compatible",
    "databases",
    "delete-master-logs",
    "delete-source-logs",
    "dump-replica",
    "dump-slave",
    "ignore-database",
    "ignore-error",
    "ignore-table",
    "ignore-table-data",
    "ignore-views",
    "log-error",
    "master-data",
    "result-file",
    "skip-generated-invisible-primary-key",
    "source-data",
    "system",
    "tab",
    "tables",
    "where",
    "xml",
];
/// Options with which the client does not run all statements that it is fed.
pub(super) const NOT_FED: [&str; 3] = ["delimiter", "execute", "one-database"];

/// Refuses a client whose option files set one of the `unwanted` options. `command` is the client
/// with the options that say where its option files are. In one run, the same option files are
/// read once.
///
/// # Errors
/// One sentence that names the option; or when the client cannot be run.
pub(super) fn refuse(
    mut command: Command,
    client: &Client,
    unwanted: &[&str],
    stop: Stop,
) -> Result<()> {
    static ACCEPTED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let accepted = || ACCEPTED.lock().unwrap_or_else(PoisonError::into_inner);
    let asked = format!("{command:?} {unwanted:?}");
    // Another file can get the path of a private file, which is that of a descriptor.
    let is_lasting = !asked.contains("/proc/self/fd/");
    if is_lasting && accepted().contains(&asked) {
        return Ok(());
    }
    // The printed options may include a password.
    let printed = read_output(command.arg("--print-defaults"), client.program, stop)?;
    let printed = String::from_utf8_lossy(&printed);
    let mut given = printed.split_whitespace().filter_map(read_option_name);
    let found = given.find_map(|given| unwanted.iter().find(|name| name.starts_with(&given)));
    ensure!(
        found.is_none(),
        "an option file sets {} for {}, so the dump or the restore would be incomplete; remove it there, or name another file with ?{DEFAULTS_FILE}=",
        found.unwrap_or(&""),
        client.program
    );
    if is_lasting {
        accepted().insert(asked);
    }
    Ok(())
}

/// Returns the name of the option in `word`. The clients accept `_` for `-`, `loose-` before a
/// name, and the beginning of a name for the whole name.
fn read_option_name(word: &str) -> Option<String> {
    let name = word.strip_prefix("--")?.split('=').next()?;
    let name = name.replace('_', "-");
    let name = name.strip_prefix("loose-").unwrap_or(&name);
    (!name.is_empty()).then(|| name.to_owned())
}

/// Returns the content of an option file that includes `files` and then sets the password.
pub(super) fn write_option_file(files: &[PathBuf], password: &Secret) -> Zeroizing<Vec<u8>> {
    // The vector must not grow, because growing would leave copies of the password in memory.
    let mut content = Zeroizing::new(Vec::with_capacity(256 << 10));
    for file in files {
        let file = std::path::absolute(file).unwrap_or_else(|_| file.clone());
        content.extend(b"!include ");
        content.extend(file.as_os_str().as_bytes());
        content.push(b'\n');
    }
    content.extend(b"[client]\npassword=\"");
    for &byte in OsStr::as_bytes(password.expose()) {
        if matches!(byte, b'\\' | b'"') {
            content.push(b'\\');
        }
        content.push(byte);
    }
    content.extend(b"\"\n");
    content
}
