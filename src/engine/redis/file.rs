//! The RDB file of a server that is not running, as the target of a restore.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{File, Permissions};
use std::io::{self, BufWriter, Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result, anyhow, bail, ensure};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::dumper::{NAME, facts, identity, longest_settings, pass_on};
use super::running::server_in;
use super::source::refuse;
use crate::engine::access::Access;
use crate::engine::dumper::{Dumper, ScratchFile};
use crate::engine::load::{ExistingDatabase, LOSING, LoadOptions, LoadResult, explain_not_saved};
use crate::engine::source::{Loader, Source};
use crate::follow::{follow, open_regular};
use crate::header::{Facts, Header};
use crate::human::hexadecimal;
use crate::identity::{Engine, Identity};
use crate::name::Format;
use crate::read::read_whole;
use crate::rename::rename_without_replacing;
use crate::stop::Stop;

/// What a server with `appendonly yes` loads in place of its RDB file.
const APPEND_ONLY: [&str; 2] = ["appendonlydir", "appendonly.aof"];

/// The path of an RDB file.
#[derive(Debug, Clone)]
pub(super) struct RdbFile {
    path: PathBuf,
}

impl RdbFile {
    pub(super) fn new(path: &Path) -> Self {
        RdbFile {
            path: path.to_owned(),
        }
    }
}

impl Source for RdbFile {
    fn engine(&self) -> Engine {
        Engine::Redis
    }

    fn kind(&self) -> &'static str {
        "an RDB file of Redis or Valkey"
    }

    fn database(&self) -> Vec<u8> {
        NAME.into()
    }

    fn open(&self, _access: &Access) -> Result<Box<dyn Dumper>> {
        bail!(
            "{} is as old as the server's last save; name the running server (redis://HOST, redis+unix:///SOCKET), or sqlite:PATH if it is an SQLite file",
            self.path.display()
        )
    }
}

impl fmt::Display for RdbFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}

impl Loader for RdbFile {
    fn load(
        &self,
        dump: &File,
        header: &Header,
        options: LoadOptions<'_>,
        access: &Access,
    ) -> Result<LoadResult> {
        refuse(&options)?;
        let target = Target::find(&self.path)?;
        target.refuse_running()?;
        let saved = match (options.existing, &target.old) {
            (_, None) | (ExistingDatabase::Lose, _) => None,
            (ExistingDatabase::Save(save), Some(_)) => {
                save.prepare()?;
                let mut old = FileDumper::new(&target)?;
                let saved = save.save(&mut old);
                Some(saved.map_err(|error| explain_not_saved(error, LOSING))?)
            }
            (ExistingDatabase::Refuse | ExistingDatabase::Fill, Some(_)) => {
                bail!("the file exists; --replace dumps it first and then replaces it")
            }
        };
        let new = NewFile::create(&target)?;
        new.fill(dump, header, access.deadline)
            .with_context(|| format!("cannot write {}", new.path().display()))?;
        target.refuse_running()?;
        access.deadline.check()?;
        new.publish()?;
        Ok(LoadResult::new(saved, Vec::new()))
    }
}

/// The target: a directory, held open, and a name in it.
struct Target {
    directory: OwnedFd,
    name: OsString,
    path: PathBuf,
    /// The metadata of the file that has the name.
    old: Option<Stat>,
}

impl Target {
    fn find(path: &Path) -> Result<Self> {
        let shown = path.display();
        let followed = follow(path).with_context(|| format!("cannot reach {shown}"))?;
        followed.trust_links()?;
        if let Some(old) = &followed.found {
            let is_file = FileType::from_raw_mode(old.st_mode).is_file();
            ensure!(is_file, "{shown} is not a regular file");
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::openat(&followed.directory, ".", flags, Mode::empty())
            .with_context(|| format!("cannot open the directory of {shown}"))?;
        Ok(Target {
            directory,
            name: followed.name,
            path: followed.path,
            old: followed.found,
        })
    }

    /// Refuses a target whose server is running or would not load it.
    fn refuse_running(&self) -> Result<()> {
        let directory = rustix::fs::fstat(&self.directory)?;
        if let Some(process) = server_in(&directory) {
            bail!(
                "a server (process {process}) is running in the directory of {}, which it replaces when it saves; stop it, or restore into it by its URL",
                self.path.display()
            );
        }
        for other in APPEND_ONLY {
            let other = self.path.with_file_name(other);
            ensure!(
                rustix::fs::lstat(&other).is_err(),
                "{} exists, which a server with `appendonly yes` loads in place of {}; move it away, start the server with `appendonly no`, and switch it on again (CONFIG SET appendonly yes), or restore into the running server by its URL",
                other.display(),
                self.path.display()
            );
        }
        Ok(())
    }
}

/// The new file beside the target. Dropping the value removes it if it still has its own name.
struct NewFile<'a> {
    target: &'a Target,
    name: OsString,
    file: File,
}

impl<'a> NewFile<'a> {
    fn create(target: &'a Target) -> Result<Self> {
        let mut name = OsString::from(".");
        name.push(&target.name);
        name.push(format!(".restoring-{}", std::process::id()));
        let path = target.path.with_file_name(&name);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(0o600);
        let file = rustix::fs::openat(&target.directory, &name, flags, mode)
            .with_context(|| format!("cannot create {}", path.display()))?;
        Ok(NewFile {
            target,
            name,
            file: file.into(),
        })
    }

    fn path(&self) -> PathBuf {
        self.target.path.with_file_name(&self.name)
    }

    /// Writes the content of the dump, reads it back, and gives the file its owner.
    fn fill(&self, dump: &File, header: &Header, stop: Stop) -> Result<()> {
        let mut writer = BufWriter::new(&self.file);
        read_whole(dump, stop, &mut writer)?;
        writer
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        self.own()?;
        self.file.sync_all()?;
        ensure!(
            self.hash(stop)? == header.sha256,
            "what was written is not what the dump's header says (SHA-256); the disk or the memory is faulty"
        );
        Ok(())
    }

    fn hash(&self, stop: Stop) -> Result<String> {
        let mut file = &self.file;
        file.rewind()?;
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 256 << 10];
        loop {
            stop.check()?;
            match file.read(&mut buffer)? {
                0 => return Ok(hexadecimal(&hash.finalize())),
                read => hash.update(&buffer[..read]),
            }
        }
    }

    /// Gives the file the owner and the permissions of the old file, or the owner of the directory.
    fn own(&self) -> Result<()> {
        let directory = rustix::fs::fstat(&self.target.directory)?;
        let like = self.target.old.as_ref().unwrap_or(&directory);
        let owned = std::os::unix::fs::fchown(&self.file, Some(like.st_uid), Some(like.st_gid));
        if let Some(old) = &self.target.old {
            owned.context("cannot give it the owner of the old file")?;
            let mode = Permissions::from_mode(old.st_mode & 0o666);
            self.file.set_permissions(mode)?;
        }
        Ok(())
    }

    /// Gives the file the target's name.
    fn publish(&self) -> Result<()> {
        let (directory, name) = (&self.target.directory, &self.target.name);
        let renamed = match self.target.old {
            Some(_) => rustix::fs::renameat(directory, &self.name, directory, name),
            None => rename_without_replacing(directory, &self.name, name, Err),
        };
        renamed.with_context(|| format!("cannot rename it to {}", self.target.path.display()))?;
        rustix::fs::fsync(directory).context("cannot write its directory to the disk")
    }
}

impl Drop for NewFile<'_> {
    fn drop(&mut self) {
        let _ = rustix::fs::unlinkat(&self.target.directory, &self.name, AtFlags::empty());
    }
}

/// Dumps an RDB file that is about to be replaced.
struct FileDumper {
    file: File,
    identity: Identity,
    facts: Facts,
}

impl FileDumper {
    fn new(target: &Target) -> Result<Self> {
        let file = open_regular(&target.directory, OsStr::new(&target.name));
        Ok(FileDumper {
            file: file.with_context(|| format!("cannot read {}", target.path.display()))?,
            identity: identity(target.path.display().to_string()),
            facts: Facts::default(),
        })
    }
}

impl Dumper for FileDumper {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn file_name(&self) -> Vec<u8> {
        b"dump.rdb".to_vec()
    }

    fn database(&self) -> Vec<u8> {
        NAME.into()
    }

    fn format(&self) -> Format {
        Format::Rdb
    }

    fn engine_version(&self) -> String {
        String::new()
    }

    fn scratch_bytes(&self) -> u64 {
        0
    }

    fn snapshot(&mut self, _scratch: Option<ScratchFile<'_>>) -> Result<()> {
        Ok(())
    }

    fn settings(&self) -> Map<String, Value> {
        longest_settings()
    }

    fn stream(&mut self, out: &mut dyn Write) -> Result<()> {
        self.file.rewind()?;
        let (rdb, after) = pass_on(&mut self.file, out).map_err(Error::from)?;
        rdb.check().map_err(|why| anyhow!(why))?;
        ensure!(after == 0, "the RDB file has {after} bytes after its end");
        self.facts = facts(&rdb);
        Ok(())
    }

    fn check(&mut self, _thorough: bool) -> Result<Facts> {
        Ok(self.facts.clone())
    }
}
