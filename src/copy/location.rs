//! What the arguments of a command that reads copies name: a destination, or one copy in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::catalogue::{self, Copies};
use super::encryption::Identities;
use super::name::{CopyName, Folder, parse_path};
use super::state_directory::CopyStateDirectory;
use crate::directory::Directory;
use crate::exit::UsageError;
use crate::header::DumpKind;
use crate::name::Name;
use crate::stop::Stop;
use crate::store::{self, Config, Destination, Store, StoreError, is_url};

/// The flags that choose copies, and the keys and settings with which they are read.
#[derive(Debug, Clone, Default)]
pub struct CopySelection {
    /// The machine.
    pub host: Option<String>,
    /// The database.
    pub name: Option<String>,
    /// The file with the settings of the store.
    pub store_config: Option<PathBuf>,
    /// The private keys.
    pub identity: Option<PathBuf>,
}

/// A destination, or a copy in one.
pub struct Location {
    /// The destination.
    pub destination: Destination,
    /// The open store.
    pub store: Box<dyn Store>,
    /// The path of the copy, if the argument names one copy.
    pub copy: Option<(Folder, CopyName)>,
    /// The machine whose copies are chosen; `None` means every machine.
    pub host: Option<Name>,
    /// The database, or the folder, whose copies are chosen; `None` means every database.
    pub database: Option<String>,
}

impl CopySelection {
    /// Returns the places that paths and URLs name, or `None` if all of them are dumps or dump
    /// directories.
    ///
    /// # Errors
    /// [`UsageError`] for a URL that is not valid, and for dump directories beside places.
    pub fn parse_locations(&self, paths: &[PathBuf]) -> Result<Option<Vec<Location>>> {
        let are_places = paths.iter().filter(|path| is_location(path)).count();
        if are_places == 0 {
            return Ok(None);
        }
        if are_places < paths.len() {
            return Err(UsageError::new(
                "dump directories and destinations of copies cannot be given together; run the command once for each",
            )
            .into());
        }
        let places = paths.iter().map(|path| self.parse_location(path));
        Ok(Some(places.collect::<Result<_>>()?))
    }

    fn parse_location(&self, path: &Path) -> Result<Location> {
        let text = path
            .to_str()
            .ok_or_else(|| UsageError::new("the destination is not UTF-8"))?;
        let whole = Destination::parse(text).map_err(|why| UsageError::new(&why))?;
        let copy = CopyName::parse(whole.last_component()).and_then(|_| {
            let (destination, below) = whole.split(3)?;
            Some((destination, parse_path(&below)?))
        });
        let (destination, copy) = match copy {
            Some((destination, copy)) => (destination, Some(copy)),
            None => (whole, None),
        };
        let config = match &self.store_config {
            Some(file) => Config::from_file(file)?,
            None => Config::default(),
        };
        let host = self.host.as_deref().map(name_host).transpose()?;
        // A reading command uploads only a sidecar that it makes again.
        let key = CopyStateDirectory::find(None)
            .ok()
            .and_then(|home| home.read_key());
        let owner = key.map_or_else(|| "reader".to_owned(), |key| key.owner());
        Ok(Location {
            store: store::open(&destination, &config, &owner, false)?,
            destination,
            copy,
            host,
            database: self.name.clone(),
        })
    }

    /// Returns the private keys, if a file of them is given.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read_identities(&self) -> Result<Option<Identities>> {
        self.identity.as_deref().map(Identities::read).transpose()
    }
}

impl Location {
    /// Lists the chosen copies by database.
    ///
    /// # Errors
    /// When the destination cannot be listed.
    pub fn list_copies(&self, stop: Stop) -> Result<Vec<(Folder, Copies)>> {
        let context = || format!("cannot list {}", self.destination);
        if let Some((folder, name)) = &self.copy {
            let mut copies =
                catalogue::read_folder(&*self.store, folder, stop).with_context(context)?;
            copies.stored.retain(|copy| copy.name == *name);
            ensure!(
                !copies.stored.is_empty(),
                "there is no copy {}",
                self.url_of(folder, name)
            );
            return Ok(vec![(folder.clone(), copies)]);
        }
        let all = catalogue::read(&*self.store, self.host.as_ref(), stop).with_context(context)?;
        Ok(match &self.database {
            Some(name) => choose_named(all, name),
            None => all.into_iter().collect(),
        })
    }

    /// Returns the URL of a copy.
    #[must_use]
    pub fn url_of(&self, folder: &Folder, name: &CopyName) -> String {
        self.destination.url_of(&folder.path_of(&name.to_string()))
    }
}

/// Returns the folders that a name chooses: the folder with this name, and without an `@` also the folders of other
/// databases with this name. A name that ends in `@` chooses no other.
fn choose_named(all: BTreeMap<Folder, Copies>, name: &str) -> Vec<(Folder, Copies)> {
    let plain = name.strip_suffix('@').filter(|plain| !plain.is_empty());
    let is_of = |folder: &Folder, name: &str| {
        let encoded = Name::encode(name.as_bytes());
        folder.database.as_str() == name || Some(&folder.database) == encoded.as_ref()
    };
    let is_chosen = |folder: &Folder| {
        folder.name() == name
            || is_of(folder, name)
            || plain.is_some_and(|plain| folder.directory.is_none() && is_of(folder, plain))
    };
    all.into_iter()
        .filter(|(folder, _)| is_chosen(folder))
        .collect()
}

/// Returns the name of the folder of a machine.
///
/// # Errors
/// [`UsageError`] when it is empty.
pub(super) fn name_host(host: &str) -> Result<Name> {
    let name = Name::encode(host.as_bytes());
    Ok(name.ok_or_else(|| UsageError::new("the host's name is empty"))?)
}

/// Returns true for a URL, for a directory that holds copies, and for a file that is a copy, which means
/// that it is encrypted or has a sidecar.
fn is_location(path: &Path) -> bool {
    let Some(text) = path.to_str() else {
        return false;
    };
    if is_url(text) {
        return true;
    }
    let name = path
        .file_name()
        .and_then(|name| CopyName::parse(name.to_str()?));
    let is_copy = |name: CopyName| {
        let mut sidecars = [DumpKind::Regular, DumpKind::Replaced]
            .map(|kind| name.sidecar(kind))
            .into_iter();
        name.is_encrypted || sidecars.any(|sidecar| path.with_file_name(sidecar).exists())
    };
    if name.is_some_and(is_copy) {
        return true;
    }
    path.is_dir() && has_copies(path).unwrap_or(false)
}

/// Returns true for a directory that has no dump and, two levels below it, a sidecar.
fn has_copies(path: &Path) -> Result<bool> {
    if !Directory::open(path)?.list_dumps()?.is_empty() {
        return Ok(false);
    }
    let destination = Destination::Directory(path.to_owned());
    let store = store::open(&destination, &Config::default(), "reader", false)?;
    let stop = Stop::until_signal();
    let found = |store: &dyn Store| -> Result<bool, StoreError> {
        for host in store.list_folders("", stop)? {
            let Some(host) = Name::parse(&host) else {
                continue;
            };
            for database in store.list_folders(host.as_str(), stop)? {
                let objects = store.list(&format!("{host}/{database}"), stop)?;
                let mut names = objects
                    .iter()
                    .filter_map(|object| object.path.rsplit('/').next());
                if names.any(|name| CopyName::parse_sidecar(name).is_some()) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    };
    Ok(found(&*store)?)
}

/// Returns the kind of a copy in words.
#[must_use]
pub(super) fn describe_kind(kind: Option<DumpKind>) -> &'static str {
    match kind {
        Some(DumpKind::Regular) => "dump",
        Some(DumpKind::Replaced) => {
            "replaced: a restore replaced it; restore takes it only by name"
        }
        None => "unfinished: it has no sidecar",
    }
}
