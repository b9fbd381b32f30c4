//! Lists the copies of a destination, from the names and sizes that the store lists.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};

use super::name::{CopyName, Folder, parse_file};
use super::sidecar::Sidecar;
use crate::header::DumpKind;
use crate::name::Name;
use crate::stop::Stop;
use crate::store::{Store, StoreError, StoredFile, UNFINISHED};

/// The number of requests that run at the same time.
const CONCURRENT: usize = 16;

/// A copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCopy {
    /// Its name.
    pub name: CopyName,
    /// Its size in bytes.
    pub bytes: u64,
    /// The kind of the dump, from the name of its sidecar. `None` if the copy has no sidecar, which means
    /// that its upload was not finished.
    pub kind: Option<DumpKind>,
}

/// The copies of one database.
#[derive(Debug, Default)]
pub struct Copies {
    /// The copies, oldest first.
    pub stored: Vec<StoredCopy>,
    /// The paths of sidecars without a copy.
    pub orphans: Vec<String>,
    /// The paths of unfinished uploads.
    pub unfinished: Vec<String>,
}

/// Lists the copies of a destination by database. If `host` is given, lists only the copies of that
/// machine.
///
/// # Errors
/// When the store cannot be listed.
pub(super) fn read(
    store: &dyn Store,
    host: Option<&Name>,
    stop: Stop,
) -> Result<BTreeMap<Folder, Copies>> {
    let hosts = if let Some(host) = host {
        vec![host.clone()]
    } else {
        let folders = store.list_folders("", stop)?;
        let names = folders.iter().filter_map(|name| Name::parse(name));
        names.collect()
    };
    // A listing of a machine is dropped as soon as it is grouped: it has the path of every file.
    let grouped = map_parallel(&hosts, |host| store.list(host.as_str(), stop).map(group));
    let mut all = BTreeMap::new();
    for copies in grouped {
        all.append(&mut copies?);
    }
    Ok(all)
}

/// Lists the copies of one database.
///
/// # Errors
/// When the store cannot be listed.
pub(super) fn read_folder(
    store: &dyn Store,
    folder: &Folder,
    stop: Stop,
) -> Result<Copies, StoreError> {
    let mut all = group(store.list(&folder.to_string(), stop)?);
    Ok(all.remove(folder).unwrap_or_default())
}

/// Reads the sidecars of copies, several at the same time. Returns them in the order of the copies.
///
/// # Errors
/// When work must stop.
pub(super) fn read_sidecars(
    store: &dyn Store,
    folder: &Folder,
    copies: &[&StoredCopy],
    stop: Stop,
) -> Result<Vec<Result<Sidecar>>> {
    let read = map_parallel(copies, |copy| {
        let kind = copy.kind.context("it has no sidecar")?;
        Sidecar::read(store, folder, &copy.name, kind, stop)
    });
    stop.check()?;
    Ok(read)
}

/// Calls `work` with each item, in several threads. Returns the results in the order of the items.
pub(super) fn map_parallel<I: Sync, T: Send>(items: &[I], work: impl Fn(&I) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(items.len()));
    std::thread::scope(|scope| {
        for _ in 0..CONCURRENT.min(items.len()) {
            scope.spawn(|| {
                while let Some((number, item)) = take(&next, items) {
                    let result = work(item);
                    results
                        .lock()
                        .expect("no worker panics")
                        .push((number, result));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("no worker panics");
    results.sort_by_key(|(number, _)| *number);
    results.into_iter().map(|(_, result)| result).collect()
}

fn take<'a, I>(next: &AtomicUsize, items: &'a [I]) -> Option<(usize, &'a I)> {
    let number = next.fetch_add(1, Ordering::Relaxed);
    items.get(number).map(|item| (number, item))
}

/// Groups files by database. Files whose names this program does not make are left out.
fn group(objects: Vec<StoredFile>) -> BTreeMap<Folder, Copies> {
    let mut all: BTreeMap<Folder, Copies> = BTreeMap::new();
    let mut sidecars = BTreeMap::new();
    for object in objects {
        let Some((folder, file)) = parse_file(&object.path) else {
            continue;
        };
        if file.starts_with(UNFINISHED) {
            all.entry(folder).or_default().unfinished.push(object.path);
        } else if let Some((name, kind)) = CopyName::parse_sidecar(file) {
            sidecars.insert((folder, name), (kind, object.path));
        } else if let Some(name) = CopyName::parse(file)
            && name.dump.name == folder.database
        {
            all.entry(folder).or_default().stored.push(StoredCopy {
                name,
                bytes: object.bytes,
                kind: None,
            });
        }
    }
    for (folder, copies) in &mut all {
        for copy in &mut copies.stored {
            let key = (folder.clone(), copy.name.clone());
            copy.kind = sidecars.remove(&key).map(|(kind, _)| kind);
        }
        copies
            .stored
            .sort_by(|a, b| (a.name.dump.key(), &a.name).cmp(&(b.name.dump.key(), &b.name)));
    }
    for ((folder, _), (_, path)) in sidecars {
        all.entry(folder).or_default().orphans.push(path);
    }
    all
}
