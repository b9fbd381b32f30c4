//! The temporary files of a run: `.dump-database-HOST-PID-N.tmp`.

use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use rustix::fs::{AtFlags, Dir, Mode, OFlags};
use rustix::io::Errno;

use super::lock::{LockedDirectory, read_host};
use super::reading::DumpFile;

const PREFIX: &str = ".dump-database-";
const SUFFIX: &str = ".tmp";

/// A file under a temporary name. It is removed when this value is dropped, unless it was published.
#[derive(Debug)]
pub struct Temporary<'a> {
    directory: &'a LockedDirectory,
    name: String,
    file: File,
    published: bool,
}

impl LockedDirectory {
    /// Creates an empty temporary file, 0600 whatever the umask.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create_temporary(&self) -> Result<Temporary<'_>> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!(
            "{PREFIX}{}-{}-{count}{SUFFIX}",
            read_host(),
            std::process::id()
        );
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(self.fd(), &name, flags, Mode::from_raw_mode(0o600))
            .with_context(|| format!("cannot create a file in {}", self.path().display()))?;
        Ok(Temporary {
            directory: self,
            name,
            file: File::from(fd),
            published: false,
        })
    }

    /// Removes what crashed runs left behind: this host's temporary files, since the lock says no
    /// other run of it is at work, and another host's when older than `timeout` (a lock may not
    /// reach across a network filesystem).
    ///
    /// It only unlinks: where publishing went by hard link, a crash can leave the temporary name on
    /// the inode that already has its final name.
    ///
    /// # Errors
    /// When the directory cannot be read or a file not removed.
    pub fn remove_stale(&self, timeout: Duration) -> Result<()> {
        let context = || format!("cannot clean up {}", self.path().display());
        let ours = format!("{PREFIX}{}-", read_host());
        for entry in Dir::read_from(self.fd()).with_context(context)? {
            let entry = entry.with_context(context)?;
            let Ok(name) = entry.file_name().to_str() else {
                continue;
            };
            if !name.starts_with(PREFIX) || !name.ends_with(SUFFIX) {
                continue;
            }
            if !is_of(name, &ours) && !is_older_than(self, name, timeout) {
                log::info!("kept {name}: another host made it less than --timeout ago");
                continue;
            }
            match rustix::fs::unlinkat(self.fd(), name, AtFlags::empty()) {
                Ok(()) => log::info!("removed {name}, left by an interrupted run"),
                Err(Errno::NOENT) => {}
                Err(error) => return Err(error).with_context(context),
            }
        }
        Ok(())
    }
}

impl Temporary<'_> {
    /// Returns its open file.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Returns its path, for a library that opens files by path.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.directory.path().join(&self.name)
    }

    /// Gives the file to the directory's owner if the dump `like` is the owner's: who dumps a database
    /// also rotates what root dumps of it. Any other dump stays root's.
    pub fn belong_with(&self, like: &DumpFile) {
        let owner = rustix::fs::fstat(self.directory.fd());
        if owner.is_ok_and(|owner| owner.st_uid == like.owner) {
            self.directory.hand_over(&self.file);
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn mark_published(mut self) {
        self.published = true;
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.published {
            let _ = rustix::fs::unlinkat(self.directory.fd(), &self.name, AtFlags::empty());
        }
    }
}

/// Says whether this host made a temporary file. `web` did not make a file of `web-2`: exactly a PID and
/// a count follow the host.
fn is_of(name: &str, ours: &str) -> bool {
    let rest = name
        .strip_prefix(ours)
        .and_then(|rest| rest.strip_suffix(SUFFIX));
    rest.and_then(|rest| rest.split_once('-'))
        .is_some_and(|(pid, count)| pid.parse::<u32>().is_ok() && count.parse::<u32>().is_ok())
}

fn is_older_than(directory: &LockedDirectory, name: &str, timeout: Duration) -> bool {
    let Ok(stat) = rustix::fs::statat(directory.fd(), name, AtFlags::SYMLINK_NOFOLLOW) else {
        return false;
    };
    let modified = Duration::from_secs(u64::try_from(stat.st_mtime).unwrap_or(0));
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH + modified)
        .is_ok_and(|age| age > timeout)
}

#[cfg(test)]
mod tests {
    use super::is_of;

    #[test]
    fn a_host_owns_only_its_own_temporaries() {
        let ours = ".dump-database-web-";
        assert!(is_of(".dump-database-web-12-0.tmp", ours));
        assert!(!is_of(".dump-database-web-2-12-0.tmp", ours));
        assert!(!is_of(".dump-database-web2-12-0.tmp", ours));
    }
}
