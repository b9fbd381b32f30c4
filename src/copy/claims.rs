//! Which folder of a destination the dumps of a directory are copied into.
//!
//! Dumps of one NAME can be of several databases: every server has `@globals`, and two servers may have
//! databases of one name. In one folder, a restore would take one for the other. Besides, the owner of
//! a dump directory can put dumps of any NAME and identity into it; in the folder of another user's database,
//! they would be restored in its place, and retention would remove that user's copies.
//!
//! So a folder belongs to one database of one owner. While one directory has dumps of a NAME, its folder is
//! `HOST/NAME`. Each further directory with a database of this NAME gets `HOST/NAME@DIRECTORY`, and so do all of
//! several directories that are first copied in one run, because none of them has the better claim. DIRECTORY is
//! the last component of the directory's path, or as many of its last components as make the folder free.
//! Directories of one owner share a folder if they have dumps of the same database, for example after a
//! move. The machine records the folder of each directory, so a folder never changes later.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use sha2::{Digest, Sha256};

use super::job::CopyJob;
use super::name::Folder;
use crate::human;
use crate::name::Name;
use crate::status::{CopyRecord, FolderClaim};

/// The records of a destination: by directory and database.
type DestinationRecords = BTreeMap<PathBuf, BTreeMap<String, CopyRecord>>;

/// The greatest length in bytes of DIRECTORY in a folder's name. With a NAME of 200 bytes, the name is as long
/// as a file system allows.
const LONGEST_LABEL: usize = 54;

/// The user to whom the directories of all dynamic users can belong.
const NOBODY: u32 = 65534;

/// A directory that has dumps of a NAME, or from which such dumps were copied.
#[derive(Debug, Clone)]
struct Claim {
    directory: PathBuf,
    owner: u32,
    /// The hashes of the database's identities.
    identities: Vec<String>,
    /// The folder that was recorded.
    folder: Option<Folder>,
}

impl Claim {
    /// Returns true if both directories have dumps of one database and belong to one user.
    fn shares_with(&self, other: &Claim) -> bool {
        let is_of_one_owner = self.owner == other.owner && self.owner != NOBODY;
        let mut identities = self.identities.iter();
        is_of_one_owner && identities.any(|identity| other.identities.contains(identity))
    }
}

/// Gives each job its folder: the recorded one, or a free one. A job for which no folder is free is refused.
pub(super) fn assign_folders(jobs: &mut [CopyJob], records: &DestinationRecords) {
    let mut by_name: BTreeMap<Folder, Vec<usize>> = BTreeMap::new();
    for (number, job) in jobs.iter().enumerate() {
        by_name
            .entry(job.folder().clone())
            .or_default()
            .push(number);
    }
    for (plain, numbers) in by_name {
        let present: Vec<_> = numbers.iter().map(|number| claim(&jobs[*number])).collect();
        let recorded = list_recorded(&plain, records);
        let folders = choose(&plain, &present, &recorded);
        for ((number, folder), own) in numbers.into_iter().zip(folders).zip(present) {
            let Some(folder) = folder else {
                jobs[number].refuse(&format!(
                    "all folders for {} are taken by other directories with dumps named {}; give the dumps another --name",
                    own.directory.display(),
                    plain.database
                ));
                continue;
            };
            let is_new = !recorded
                .iter()
                .any(|claim| claim.directory == own.directory);
            if is_new && folder != plain {
                log::info!(
                    "{} is copied into {folder}, because another directory has dumps named {}",
                    own.directory.display(),
                    plain.database
                );
            }
            jobs[number].set_folder(folder);
        }
    }
}

/// Returns what is to be recorded of the jobs that have a folder.
pub(super) fn list_claims(jobs: &[CopyJob]) -> Vec<(&CopyJob, FolderClaim)> {
    let accepted = jobs.iter().filter(|job| !job.is_refused());
    let claims = accepted.map(|job| {
        let own = claim(job);
        let claim = FolderClaim {
            folder: job.folder().to_string(),
            identity: own.identities.into_iter().next().unwrap_or_default(),
            owner: own.owner,
        };
        (job, claim)
    });
    claims.collect()
}

fn claim(job: &CopyJob) -> Claim {
    Claim {
        directory: job.directory().path().to_owned(),
        owner: job.directory().read_owner().unwrap_or(NOBODY),
        identities: job.identities().to_vec(),
        folder: None,
    }
}

/// Returns the claims that earlier runs recorded of this machine's dumps of a NAME.
fn list_recorded(plain: &Folder, records: &DestinationRecords) -> Vec<Claim> {
    let claims = records.iter().filter_map(|(directory, databases)| {
        let claim = databases.get(plain.database.as_str())?.claim.as_ref()?;
        let folder = Folder::parse(&claim.folder)?;
        let is_meant = folder.host == plain.host && folder.database == plain.database;
        is_meant.then(|| Claim {
            directory: directory.clone(),
            owner: claim.owner,
            identities: vec![claim.identity.clone()],
            folder: Some(folder),
        })
    });
    claims.collect()
}

/// Returns the folder of each directory in `present`, all of which have dumps of one NAME, or `None` if none is free.
/// `plain` is the folder of a directory that is alone. `recorded` has the claims of earlier runs.
fn choose(plain: &Folder, present: &[Claim], recorded: &[Claim]) -> Vec<Option<Folder>> {
    let kept = present.iter().map(|claim| keep(claim, recorded));
    let mut chosen: Vec<Option<Folder>> = kept.collect();
    // The folder that a directory lost keeps the copies of its earlier owner.
    let stays = |claim: &&Claim| {
        let mut kept = present.iter().zip(&chosen);
        !kept.any(|(present, folder)| present.directory == claim.directory && folder.is_some())
    };
    let mut holders: Vec<Claim> = recorded.iter().filter(stays).cloned().collect();
    holders.extend(
        present
            .iter()
            .zip(&chosen)
            .filter(|(_, folder)| folder.is_some())
            .map(|(claim, folder)| Claim {
                folder: folder.clone(),
                ..claim.clone()
            }),
    );
    // Directories without a folder, in groups that share one.
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (number, claim) in present.iter().enumerate() {
        if chosen[number].is_some() {
            continue;
        }
        if let Some(holder) = holders.iter().find(|holder| holder.shares_with(claim)) {
            chosen[number].clone_from(&holder.folder);
            continue;
        }
        let shares =
            |group: &&mut Vec<usize>| group.iter().any(|other| present[*other].shares_with(claim));
        match groups.iter_mut().find(shares) {
            Some(group) => group.push(number),
            None => groups.push(vec![number]),
        }
    }
    let paths = groups.iter().map(|group| &present[group[0]].directory);
    let paths: Vec<&PathBuf> = paths.collect();
    let is_free = |folder: &Folder| {
        let mut taken = holders.iter().filter_map(|holder| holder.folder.as_ref());
        !taken.any(|taken| taken == folder)
    };
    let longest = paths.iter().map(|path| path.components().count()).max();
    for depth in usize::from(groups.len() > 1)..=longest.unwrap_or(0) {
        let folders = paths.iter().map(|path| Folder {
            directory: make_label(path, depth),
            ..plain.clone()
        });
        let folders: Vec<Folder> = folders.collect();
        let are_distinct = folders.iter().collect::<BTreeSet<_>>().len() == folders.len();
        if are_distinct && folders.iter().all(is_free) {
            for (group, folder) in groups.iter().zip(folders) {
                for number in group {
                    chosen[*number] = Some(folder.clone());
                }
            }
            break;
        }
    }
    chosen
}

/// Returns the recorded folder of a directory. A directory that another user owns since then loses its folder,
/// unless that user is root or the user who copies, and shares it with nobody.
fn keep(claim: &Claim, recorded: &[Claim]) -> Option<Folder> {
    let own = recorded
        .iter()
        .find(|recorded| recorded.directory == claim.directory)?;
    let mut others = recorded
        .iter()
        .filter(|other| other.directory != own.directory && other.folder == own.folder);
    let is_trusted = claim.owner == 0 || claim.owner == rustix::process::geteuid().as_raw();
    let stays =
        own.owner == claim.owner || is_trusted && others.all(|other| other.owner == claim.owner);
    own.folder.clone().filter(|_| stays)
}

/// Returns the name of the last `depth` components of a path, or `None` if `depth` is 0.
fn make_label(path: &Path, depth: usize) -> Option<Name> {
    if depth == 0 {
        return None;
    }
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(part) => Some(part.as_encoded_bytes()),
        _ => None,
    });
    let parts: Vec<_> = parts.collect();
    let last = parts[parts.len().saturating_sub(depth)..].join(&b'/');
    let name = Name::encode(&last).filter(|name| name.as_str().len() <= LONGEST_LABEL);
    name.or_else(|| {
        let hash = human::format_hexadecimal(&Sha256::digest(&last));
        Name::parse(&hash[..16])
    })
}
