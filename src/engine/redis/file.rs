//! The RDB file of a server that is not running, as the target of a restore.

mod new_file;
mod target;

use std::fmt;
use std::fs::File;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result, anyhow, bail, ensure};

use super::count::Count;
use super::dumper::{NAME, RdbDumper, RdbOrigin, make_identity, pass_on};
use super::source::refuse;
use crate::content::rdb::Rdb;
use crate::engine::access::Access;
use crate::engine::dumper::Dumper;
use crate::engine::load::{ExistingDatabase, LOSING, LoadOptions, LoadResult, explain_not_saved};
use crate::engine::source::{Loader, Source};
use crate::header::{Facts, Header};
use crate::identity::Engine;
use new_file::NewRdbFile;
use target::TargetFile;

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
        let target = TargetFile::find(&self.path)?;
        target.refuse_running()?;
        let saved = match (options.existing, &target.old) {
            (_, None) | (ExistingDatabase::Lose, _) => None,
            (ExistingDatabase::Save(save), Some(_)) => {
                save.prepare()?;
                let mut old = open_old_file(&target)?;
                let saved = save.save(&mut old);
                Some(saved.map_err(|error| explain_not_saved(error, LOSING))?)
            }
            (ExistingDatabase::Refuse | ExistingDatabase::Fill, Some(_)) => {
                bail!("the file exists; --replace dumps it first and then replaces it")
            }
        };
        let new = NewRdbFile::create(&target)?;
        new.fill(dump, header, access.deadline)
            .with_context(|| format!("cannot write {}", new.path().display()))?;
        target.refuse_running()?;
        access.deadline.check()?;
        new.publish()?;
        Ok(LoadResult::new(saved, Vec::new()))
    }
}

/// Returns the dumper of the file that is about to be replaced.
fn open_old_file(target: &TargetFile) -> Result<RdbDumper<ReplacedRdbFile>> {
    Ok(RdbDumper {
        origin: ReplacedRdbFile(target.open_old()?),
        identity: make_identity(target.path.display().to_string()),
        version: String::new(),
        databases: Vec::new(),
        facts: Facts::default(),
    })
}

/// An RDB file that is about to be replaced.
struct ReplacedRdbFile(File);

impl RdbOrigin for ReplacedRdbFile {
    fn begin(&mut self) -> Result<()> {
        Ok(())
    }

    fn pass_on(&mut self, out: &mut dyn Write) -> Result<Rdb<Count>> {
        self.0.rewind()?;
        let (rdb, after) = pass_on(&mut self.0, out).map_err(Error::from)?;
        rdb.check().map_err(|why| anyhow!(why))?;
        ensure!(
            after == 0,
            "the RDB file has {} after its end",
            crate::human::format_count(after, "byte")
        );
        Ok(rdb)
    }
}
