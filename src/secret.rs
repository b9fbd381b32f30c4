//! Passwords. They go from their file to a child and nowhere else.

use std::ffi::OsStr;
use std::fmt;
use std::fs::{File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use rustix::process::{Resource, Rlimit};
use zeroize::Zeroizing;

use crate::child;

/// The maximum length of a password file, in bytes. No password is so long.
const LONGEST: usize = 64 << 10;
/// The permission bit that lets every user read a file.
const WORLD_READABLE: u32 = 0o004;

/// Keeps the memory of this process, which holds passwords, out of core dumps and hides it from
/// other processes of the same user (`ptrace`, `/proc/PID`). The programs that it starts write no
/// core dumps either.
///
/// # Errors
/// When the system does not allow it.
pub fn close_memory() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    Ok(rustix::process::setrlimit(Resource::Core, none)?)
}

/// Text that is never shown. Its bytes are overwritten when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Returns the secret with these bytes.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Secret(bytes.into())
    }

    /// Returns 48 random hexadecimal digits, which nobody can guess.
    ///
    /// # Errors
    /// When the kernel provides no random numbers.
    pub fn generate() -> Result<Self> {
        let mut bytes = Zeroizing::new([0; 24]);
        let flags = rustix::rand::GetRandomFlags::empty();
        rustix::rand::getrandom(&mut *bytes, flags)
            .context("the kernel gives no random numbers")?;
        Ok(Secret::new(
            crate::human::format_hexadecimal(&*bytes).into_bytes(),
        ))
    }

    /// Reads the only line of a file, without the line breaks at its end. Logs a warning if every
    /// user of the machine can read the file.
    ///
    /// # Errors
    /// When the file cannot be read, is empty, is longer than 64 KiB, has more than one line, or
    /// contains a zero byte.
    pub fn from_file(path: &Path) -> Result<Self> {
        let shown = path.display();
        let context = || format!("cannot read the password file {shown}");
        let file = File::open(path).with_context(context)?;
        let mode = file.metadata().with_context(context)?.permissions().mode();
        if mode & WORLD_READABLE != 0 {
            log::warn!(
                "every user of this machine can read the password file {shown}; change that with chmod 600"
            );
        }
        // The vector never grows: growing would leave copies in memory.
        let mut content = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
        file.take(LONGEST as u64 + 1)
            .read_to_end(&mut content)
            .with_context(context)?;
        ensure!(
            content.len() <= LONGEST,
            "the password file {shown} is longer than {}",
            crate::human::format_bytes(LONGEST as u64)
        );
        let is_break = |byte: &u8| matches!(byte, b'\n' | b'\r');
        let end = content.iter().rposition(|byte| !is_break(byte));
        let line = &content[..end.map_or(0, |end| end + 1)];
        ensure!(!line.is_empty(), "the password file {shown} is empty");
        ensure!(
            !line.iter().any(is_break),
            "the password file {shown} has more than one line; keep only the password in it"
        );
        ensure!(
            !line.contains(&0),
            "the password in {shown} contains a zero byte"
        );
        Ok(Secret::new(line.to_vec()))
    }

    /// Returns the secret for a child's environment.
    #[must_use]
    pub fn expose(&self) -> &OsStr {
        OsStr::from_bytes(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A file for children of this process. Only its user can read it. It has no name in any directory
/// and disappears with the process.
#[derive(Debug)]
pub struct PrivateFile(Arc<File>);

impl PrivateFile {
    /// Creates the file with this content.
    ///
    /// # Errors
    /// When the system has no memory for it.
    pub fn new(content: &[u8]) -> Result<Self> {
        let context = "cannot pass a password on";
        let mut file = create_nameless().context(context)?;
        file.set_permissions(Permissions::from_mode(0o600))
            .and_then(|()| file.write_all(content))
            .context(context)?;
        Ok(PrivateFile(Arc::new(file)))
    }

    /// Passes the file to the program that `command` starts. Returns the path under which that
    /// program can open it.
    #[must_use]
    pub fn pass_to(&self, command: &mut Command) -> PathBuf {
        child::pass(command, Arc::clone(&self.0))
    }
}

#[cfg(target_os = "linux")]
fn create_nameless() -> Result<File> {
    let flags = rustix::fs::MemfdFlags::CLOEXEC;
    Ok(rustix::fs::memfd_create("dump-database", flags)?.into())
}

#[cfg(not(target_os = "linux"))]
fn create_nameless() -> Result<File> {
    anyhow::bail!("this needs Linux; write it into the file that ?defaults-file= names")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_password_file_has_one_line_and_no_other_is_shown() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("password");
        let read = |content: &str| {
            fs::write(&file, content).unwrap();
            Secret::from_file(&file).map_err(|error| format!("{error:#}"))
        };
        for content in ["s3cret", "s3cret\n", "s3cret\r\n", "s3cret\n\n"] {
            assert!(read(content) == Ok(Secret::new(b"s3cret".to_vec())));
        }
        for (content, why) in [
            ("s3cret\nm0re\n", "more than one line"),
            ("s3cret\r\nm0re", "more than one line"),
            ("\ns3cret", "more than one line"),
            ("s3cret\0", "zero byte"),
            ("\n", "is empty"),
            ("", "is empty"),
        ] {
            let error = read(content).unwrap_err();
            assert!(error.contains(why), "{error}");
            assert!(!error.contains("s3cret") && !error.contains("m0re"));
        }
    }
}
