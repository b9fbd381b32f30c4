//! A drill within its sandbox: a throwaway place of the dump's engine, the restore into it, and the
//! comparison.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::compare::Comparison;
use super::confined::{Finding, Outcome};
use super::sandbox::Walls;
use super::scratch::Place;
use super::{Throwaway, mysql, postgresql, provable, sqlite};
use crate::dump::default_threads;
use crate::engine::{Access, LoadOptions};
use crate::header::Header;
use crate::identity::Engine;
use crate::read::read_whole;
use crate::restore;
use crate::secret::Secret;
use crate::stop::{Stop, Unless};

/// How long to wait for a lock in a throwaway database, which nobody else uses.
const LOCK_TIMEOUT: Duration = Duration::from_secs(30);

/// Where a throwaway server works.
pub(super) struct Workshop<'a> {
    /// For everything.
    pub(super) work: &'a Path,
    /// For its socket: a short path.
    pub(super) sockets: PathBuf,
    /// The password of its superuser.
    pub(super) password: Secret,
}

/// One drill.
struct Drill<'a> {
    dump: &'a File,
    work: &'a Path,
    walls: &'a Walls,
    stop: Stop,
    /// The dump's, once it was read whole.
    header: Option<Header>,
    restore_seconds: Option<f64>,
}

/// Restores the dump and compares it.
pub(super) fn restore(dump: &File, work: &Path, walls: &Walls, timeout: Duration) -> Finding {
    let mut drill = Drill {
        dump,
        work,
        walls,
        stop: Stop::after(timeout),
        header: None,
        restore_seconds: None,
    };
    let restored = drill.restore();
    let (outcome, mut comparison) = match restored {
        Ok(Some(comparison)) => (Outcome::Restored, comparison),
        Ok(None) => (Outcome::NotRestorable, Comparison::default()),
        Err(error) => (drill.judge(&error), Comparison::default()),
    };
    if let Some(open) = walls.open.as_ref().filter(|open| !open.reach.is_empty()) {
        let note = format!(
            "code in the dump could reach {}, because the sandbox is not whole: {}",
            open.reach, open.why
        );
        comparison.notes.push(note);
    }
    Finding {
        outcome,
        restore_seconds: drill.restore_seconds,
        comparison,
    }
}

impl Drill<'_> {
    /// None where there is nothing to restore.
    fn restore(&mut self) -> Result<Option<Comparison>> {
        let (dump, stop) = (self.dump, self.stop);
        let header = read_whole(dump, &mut Unless(stop)).context("it is no whole dump")?;
        let header = self.header.insert(header);
        if header.identity.engine == Engine::Command {
            return Ok(None);
        }
        self.walls.refuse_trusted(header.identity.engine)?;
        let sockets = match self.walls.sockets {
            Some(_) => None,
            None => Place::for_sockets(self.work)?,
        };
        let place = sockets.as_ref().map(Place::path);
        let place = place.or(self.walls.sockets.as_deref());
        let workshop = Workshop {
            work: self.work,
            sockets: place.unwrap_or(self.work).to_owned(),
            password: Secret::random()?,
        };
        let mut throwaway: Box<dyn Throwaway + '_> = match header.identity.engine {
            Engine::Sqlite => Box::new(sqlite::Image::new(self.work, stop)),
            Engine::Postgresql => Box::new(postgresql::Cluster::start(&workshop, header, stop)?),
            Engine::Mysql | Engine::Command => {
                Box::new(mysql::Instance::start(&workshop, header, stop)?)
            }
        };
        let target = throwaway.target(header, dump)?;
        let access = Access {
            password: Some(workshop.password.clone()),
            deadline: stop,
            lock_timeout: LOCK_TIMEOUT,
            threads: default_threads(),
            format: header.format,
        };
        let load = || -> Result<f64> {
            let started = Instant::now();
            let options = LoadOptions::into_new();
            restore::load(dump, header, target.as_ref(), options, &access)
                .context("it cannot be restored")?;

            Ok(started.elapsed().as_secs_f64())
        };
        let seconds = match load() {
            Err(error) if throwaway.supplies(&error)? => load()?,
            loaded => loaded?,
        };
        self.restore_seconds = Some(seconds);
        let mut comparison = throwaway.compare(header)?;
        comparison.only_loaded = target.is_whole();
        Ok(Some(comparison))
    }

    /// What it means that the drill ended with `error`.
    fn judge(&self, error: &anyhow::Error) -> Outcome {
        if let Some(stopped) = self.stop.reason() {
            return Outcome::Failed(stopped.to_string());
        }
        let said = format!("{error:#}");
        let why_not = self.header.as_ref().and_then(|header| {
            let identity = &header.identity;
            provable::why_not(identity.engine, identity.database.as_deref(), &said)
        });
        why_not.map_or(Outcome::Failed(said), Outcome::NotProvable)
    }
}
