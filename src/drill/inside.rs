//! The part of a drill inside the sandbox: it starts a throwaway database of the dump's engine,
//! restores the dump into it, and compares.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::compare::Comparison;
use super::finding::{Finding, Outcome};
use super::sandbox::Isolation;
use super::scratch::PrivateDirectory;
use crate::dump::default_threads;
use crate::engine::LoadOptions;
use crate::engine::access::{Access, Sessions};
use crate::engine::missing::MissingRequirements;
use crate::engine::start_throwaway;
use crate::engine::throwaway::{Throwaway, ThrowawayResources};
use crate::header::{Header, LeftOut};
use crate::identity::Engine;
use crate::read::read_whole;
use crate::restore;
use crate::secret::Secret;
use crate::stop::Stop;

/// The time to wait for a lock in a throwaway database, which no other client uses.
const LOCK_TIMEOUT: Duration = Duration::from_secs(30);

/// The reason why this machine cannot prove that the dump restores.
#[derive(Debug)]
struct NotProvableHere(String);

impl fmt::Display for NotProvableHere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The state of one drill.
struct RunningDrill<'a> {
    dump: &'a File,
    work: &'a Path,
    walls: &'a Isolation,
    stop: Stop,
    restore_seconds: Option<f64>,
}

/// Restores the dump, compares the result with the dump's facts, and returns what it found.
pub(super) fn restore(dump: &File, work: &Path, walls: &Isolation, timeout: Duration) -> Finding {
    let mut drill = RunningDrill {
        dump,
        work,
        walls,
        stop: Stop::with_limit(timeout),
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

impl RunningDrill<'_> {
    /// Restores and compares the dump; returns `None` if there is nothing to restore.
    fn restore(&mut self) -> Result<Option<Comparison>> {
        let (dump, stop) = (self.dump, self.stop);
        let header =
            &read_whole(dump, stop, &mut io::sink()).context("it is not a complete dump")?;
        if header.identity.engine == Engine::Command {
            return Ok(None);
        }
        self.walls.refuse_trusted(header.identity.engine)?;
        let sockets = match self.walls.sockets {
            Some(_) => None,
            None => PrivateDirectory::for_sockets(self.work)?,
        };
        let place = sockets.as_ref().map(PrivateDirectory::path);
        let place = place.or(self.walls.sockets.as_deref());
        let workshop = ThrowawayResources {
            work: self.work,
            sockets: place.unwrap_or(self.work).to_owned(),
            password: Secret::generate()?,
        };
        let mut throwaway = start_throwaway(&workshop, header, stop)?;
        let access = Access {
            password: Some(workshop.password.clone()),
            deadline: stop,
            lock_timeout: LOCK_TIMEOUT,
            threads: default_threads(),
            format: header.format,
            left_out: LeftOut::default(),
            sessions: Sessions::default(),
        };
        let compared = self.compare(header, throwaway.as_mut(), &access);
        compared
            .map(Some)
            .map_err(|error| explain(error, header, throwaway.as_ref()))
    }

    /// Restores the dump into a throwaway database, and compares the result with the dump's facts.
    fn compare(
        &mut self,
        header: &Header,
        throwaway: &mut dyn Throwaway,
        access: &Access,
    ) -> Result<Comparison> {
        let target = throwaway.prepare(header, self.dump)?;
        let load = || -> Result<f64> {
            let started = Instant::now();
            restore::load(
                self.dump,
                header,
                target.as_ref(),
                LoadOptions::into_new(),
                access,
            )
            .context("it cannot be restored")?;

            Ok(started.elapsed().as_secs_f64())
        };
        let seconds = match load() {
            Err(error) if throwaway.add_missing(&error)? => load()?,
            loaded => loaded?,
        };
        self.restore_seconds = Some(seconds);
        let mut comparison = match throwaway.read_contents(header)? {
            Some(contents) => Comparison::new(header, contents),
            None => Comparison::default(),
        };
        comparison.only_loaded = target.is_whole();
        Ok(comparison)
    }

    /// Returns the outcome of a drill that ended with `error`.
    fn judge(&self, error: &anyhow::Error) -> Outcome {
        match (self.stop.reason(), error.downcast_ref::<NotProvableHere>()) {
            (Some(stopped), _) => Outcome::Failed(stopped.to_string()),
            (None, Some(NotProvableHere(why))) => Outcome::NotProvable(why.clone()),
            (None, None) => Outcome::Failed(format!("{error:#}")),
        }
    }
}

/// Adds to `error` that the dump needs something this machine does not have, when that is its
/// reason.
fn explain(error: anyhow::Error, header: &Header, throwaway: &dyn Throwaway) -> anyhow::Error {
    if let Some(missing) = error.downcast_ref::<MissingRequirements>() {
        let why = NotProvableHere(format!("it needs {}", missing.needs()));
        return error.context(why);
    }
    match throwaway.find_missing(header, &error) {
        Some(needed) => {
            let why = NotProvableHere(format!("it needs {needed}: {error:#}"));
            error.context(why)
        }
        None => error,
    }
}
