//! Copies one dump of a job to the destination.

use std::io::{ErrorKind, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::{CopyJob, Newest, PendingCopy};
use crate::copy::catalogue::{self, StoredCopy};
use crate::copy::name::CopyName;
use crate::copy::plan::KnownCopy;
use crate::copy::rotate;
use crate::copy::upload::{CopyRequest, UploadSettings, upload};
use crate::human;
use crate::name::DumpName;
use crate::stop::Stop;
use crate::store::{Destination, Reason, Store};

/// The time after which a copy without a sidecar counts as unfinished. Before, another run may be about to
/// write the sidecar.
const GRACE: Duration = Duration::from_secs(5);

impl CopyJob {
    /// Copies one dump and prints the URL of the copy.
    ///
    /// # Errors
    /// When the dump cannot be copied.
    pub(in crate::copy) fn upload(
        &mut self,
        store: &dyn Store,
        destination: &Destination,
        wanted: &PendingCopy,
        settings: &UploadSettings,
    ) -> Result<()> {
        let dump = match self.directory.read(&wanted.dump) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                log::info!("{} was rotated out before it was copied", wanted.dump);
                return Ok(());
            }
            dump => dump.context("it cannot be read")?,
        };
        let name = CopyName {
            dump: wanted.dump.clone(),
            is_encrypted: !settings.recipients.is_empty(),
        };
        let stop = Stop::with_limit(settings.timeout);
        self.remove_unfinished(store, &wanted.dump, stop)?;
        let order = CopyRequest {
            folder: &self.folder,
            name: &name,
            kind: wanted.kind,
            identity: &self.identities[0],
            left_out: wanted.left_out.as_deref(),
        };
        let path = self.folder.path_of(&name.to_string());
        let Some(made) = upload(store, &dump, &order, settings)? else {
            let Some(found) = self.find_copy(store, &wanted.dump, stop)? else {
                bail!("an incomplete copy has its name and cannot be removed");
            };
            log::info!("{} was copied by another run", wanted.dump);
            if found.1.identity.is_some() {
                self.own.push(found);
            }
            return Ok(());
        };
        writeln!(
            std::io::stdout(),
            "{}",
            human::escape(&destination.url_of(&path))
        )?;
        let bytes = made.sidecar.bytes;
        log::info!(
            "{}: copied {name}, {} in {:.1} s, {:.1} MB/s",
            self.folder,
            human::format_bytes(bytes),
            made.seconds,
            bytes as f64 / made.seconds.max(0.001) / 1e6
        );
        let stored = StoredCopy {
            name,
            bytes,
            kind: Some(wanted.kind),
        };
        self.own.push((stored, made.sidecar));
        let (dump, seconds) = (wanted.dump.clone(), made.seconds);
        if self
            .made
            .as_ref()
            .is_none_or(|made| made.dump.key() < dump.key())
        {
            self.made = Some(Newest {
                dump,
                bytes,
                seconds,
            });
        }
        Ok(())
    }

    /// Removes files that have the name of a dump and are no whole copies of it. Waits first, because another
    /// run may be about to finish them.
    fn remove_unfinished(&mut self, store: &dyn Store, dump: &DumpName, stop: Stop) -> Result<()> {
        let broken: Vec<StoredCopy> = self
            .broken
            .iter()
            .filter(|copy| copy.name.dump == *dump)
            .cloned()
            .collect();
        for unfinished in broken {
            while self.looked.elapsed() < GRACE {
                stop.check()?;
                std::thread::sleep(Duration::from_millis(100));
            }
            let copies = catalogue::read_folder(store, &self.folder, stop)?;
            if !copies.stored.contains(&unfinished) {
                continue;
            }
            match rotate::remove_one(store, &self.folder, &unfinished, stop) {
                Ok(()) => log::info!(
                    "{}: removed {}, which is not whole",
                    self.folder,
                    unfinished.name
                ),
                // The stored file may be the same copy after all.
                Err(error) if error.reason == Reason::Refused => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Waits until a whole copy with the name of the dump has a sidecar, and returns it. Returns `None` if
    /// there is none.
    ///
    /// # Errors
    /// When the copy is of another database.
    fn find_copy(
        &self,
        store: &dyn Store,
        dump: &DumpName,
        stop: Stop,
    ) -> Result<Option<KnownCopy>> {
        let give_up = Instant::now() + GRACE;
        loop {
            let copies = catalogue::read_folder(store, &self.folder, stop)?;
            let mut known = rotate::read_known(store, &self.folder, &copies, stop)?;
            known.retain(|(copy, _)| copy.name.dump == *dump);
            let is_named = !known.is_empty();
            // A sidecar that another machine made again has no identity.
            let own = known.into_iter().find(|(_, sidecar)| {
                let identity = sidecar.identity.as_ref();
                identity.is_none_or(|identity| self.identities.contains(identity))
            });
            if is_named && own.is_none() {
                bail!(
                    "its name in {} is taken by a copy of another database, or by a copy that was made with another machine's key; give one of the machines another --host",
                    self.folder
                );
            }
            if own.is_some() || Instant::now() > give_up {
                return Ok(own);
            }
            stop.check()?;
            std::thread::sleep(Duration::from_millis(500));
        }
    }
}
