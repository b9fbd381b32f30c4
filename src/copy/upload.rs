//! Copies one dump to a destination: reads and encrypts it, stores it, verifies at the same time that it is
//! whole, and stores its sidecar last.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result};

use super::encryption::Recipients;
use super::name::{CopyName, Folder};
use super::sidecar::Sidecar;
use super::sums::SummingWriter;
use crate::header::DumpKind;
use crate::progress::Progress;
use crate::read::read_whole;
use crate::stop::Stop;
use crate::store::{Store, StoreError, UploadContent, UploadResult};

const BLOCK: usize = 256 << 10;

/// How dumps are uploaded.
pub(super) struct UploadSettings {
    pub(super) recipients: Recipients,
    /// The most bytes to upload in a second.
    pub(super) rate: Option<u64>,
    pub(super) reads_back: bool,
    /// The longest time that one copy may take.
    pub(super) timeout: Duration,
}

/// A copy to be made.
pub(super) struct CopyRequest<'a> {
    pub(super) folder: &'a Folder,
    pub(super) name: &'a CopyName,
    pub(super) kind: DumpKind,
    /// The hash of the database's identity.
    pub(super) identity: &'a str,
    /// The hash of what the user left out of the dump.
    pub(super) left_out: Option<&'a str>,
}

/// A copy that was made.
pub(super) struct NewCopy {
    pub(super) sidecar: Sidecar,
    pub(super) seconds: f64,
}

/// Copies a dump. Returns `None` if another run copied it meanwhile.
///
/// # Errors
/// When the dump is damaged, or the store has not stored all of it. The copy then has no final name.
pub(super) fn upload(
    store: &dyn Store,
    dump: &File,
    order: &CopyRequest<'_>,
    settings: &UploadSettings,
) -> Result<Option<NewCopy>> {
    let stop = Stop::with_limit(settings.timeout);
    let started = Instant::now();
    let bytes = dump.metadata()?.len();
    let path = order.folder.path_of(&order.name.to_string());
    let mut upload = store.upload(&path, bytes, stop)?;
    let is_damaged = AtomicBool::new(false);
    let progress = Progress::show_copy(order.name.dump.name.as_str(), bytes);
    let passing = SummingWriter::new(&mut *upload, settings.rate, progress, &is_damaged, stop);
    let (verified, sent) = std::thread::scope(|scope| {
        let verifying = scope.spawn(|| {
            let read = read_whole(dump, stop, &mut io::sink());
            is_damaged.store(read.is_err(), Ordering::Relaxed);
            read
        });
        let sent = send(dump, passing, &settings.recipients);
        (verifying.join().expect("reading does not panic"), sent)
    });
    if verified.is_err() {
        stop.check()?;
    }
    verified.context("the dump is damaged")?;
    let content = sent.map_err(store_error)?;
    let published = upload.publish(&content, settings.reads_back)?;
    if published == UploadResult::Exists {
        return Ok(None);
    }
    let identity = Some(order.identity.to_owned());
    let left_out = order.left_out.map(str::to_owned);
    let sidecar = Sidecar::new(order.name, &content, order.kind, identity, left_out);
    sidecar.write(store, order.folder, order.name, stop)?;
    Ok(Some(NewCopy {
        sidecar,
        seconds: started.elapsed().as_secs_f64(),
    }))
}

fn send<W: Write>(
    dump: &File,
    mut out: SummingWriter<'_, W>,
    recipients: &Recipients,
) -> Result<UploadContent> {
    if recipients.is_empty() {
        read_into(dump, &mut out)?;
        return Ok(out.finish());
    }
    let mut encrypted = recipients.encrypt(out)?;
    read_into(dump, &mut encrypted)?;
    Ok(encrypted.finish()?.finish())
}

/// Reads by position: the dump is verified through the same descriptor.
fn read_into(dump: &File, out: &mut impl Write) -> io::Result<()> {
    let mut block = vec![0; BLOCK];
    let mut position = 0;
    loop {
        match dump.read_at(&mut block, position)? {
            0 => return Ok(()),
            read => {
                out.write_all(&block[..read])?;
                position += read as u64;
            }
        }
    }
}

/// Returns the error of the store that an error of writing to it is.
pub(super) fn store_error(error: Error) -> Error {
    match error.downcast::<io::Error>() {
        Ok(error) => StoreError::from_io(error).into(),
        Err(error) => error,
    }
}
