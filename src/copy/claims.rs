//! Whose dumps go into a folder of a destination.
//!
//! The owner of a dump directory can put dumps of any NAME and identity into it. Copied into the folder
//! of that NAME, they would be restored in place of another user's dumps, and retention would remove
//! that user's copies. So the dumps of one NAME are copied from the directories of one owner only.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::job::CopyJob;
use crate::directory::Directory;
use crate::name::Name;
use crate::status::CopyRecord;

/// The records of a destination: by directory and database.
type DestinationRecords = BTreeMap<PathBuf, BTreeMap<String, CopyRecord>>;

/// A directory that holds dumps of a NAME.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Claim {
    directory: PathBuf,
    owner: u32,
    weight: Weight,
}

/// What decides between two owners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    Nothing,
    /// The dumps were copied to the destination before.
    Copied,
    /// The directory belongs to root or to the user who copies.
    Trusted,
}

/// Refuses each job whose NAME another user's directory has the better claim to. Of directories that
/// were never copied, none has the better claim, and all are refused.
pub(super) fn refuse_claimed(jobs: &mut [CopyJob], records: Option<&DestinationRecords>) {
    let none = BTreeMap::new();
    let records = records.unwrap_or(&none);
    let claims: Vec<_> = jobs
        .iter()
        .map(|job| {
            let directory = job.directory().path();
            let owner = job.directory().read_owner().unwrap_or(u32::MAX);
            (
                job.database().clone(),
                claim(directory, owner, job.database(), records),
            )
        })
        .collect();
    for (number, job) in jobs.iter_mut().enumerate() {
        let (name, own) = &claims[number];
        let other_claims = claims.iter().filter(|(other, _)| other == name);
        let other_claims = other_claims.map(|(_, claim)| claim.clone());
        let others = other_claims.chain(list_recorded(name, own, records));
        if let Some(other) = others.into_iter().find(|other| prevents(own, other)) {
            job.refuse(&format!(
                "{} belongs to user {} and {} to user {}, and both hold dumps named {name}; give the dumps of one of them another --name, or remove what does not belong there",
                own.directory.display(),
                own.owner,
                other.directory.display(),
                other.owner
            ));
        }
    }
}

fn claim(directory: &Path, owner: u32, name: &Name, records: &DestinationRecords) -> Claim {
    let record = records
        .get(directory)
        .and_then(|databases| databases.get(name.as_str()));
    let is_copied = record.is_some_and(|record| record.copied.is_some());
    let is_trusted = owner == 0 || owner == rustix::process::geteuid().as_raw();
    Claim {
        directory: directory.to_owned(),
        owner,
        weight: match (is_trusted, is_copied) {
            (true, _) => Weight::Trusted,
            (false, true) => Weight::Copied,
            (false, false) => Weight::Nothing,
        },
    }
}

/// Returns the claims of directories from which earlier runs copied this NAME, and which still hold
/// dumps of it.
fn list_recorded(name: &Name, own: &Claim, records: &DestinationRecords) -> Vec<Claim> {
    let directories = records.keys().filter(|path| **path != own.directory);
    let claims = directories.filter_map(|path| {
        let record = records[path].get(name.as_str())?;
        record.copied?;
        let directory = Directory::open(path).ok()?;
        let holds = directory.list_dumps_of(name).ok()?;
        let holds = holds.iter().any(|dump| dump.name.name == *name);
        holds.then_some(claim(path, directory.read_owner().ok()?, name, records))
    });
    claims.collect()
}

fn prevents(own: &Claim, other: &Claim) -> bool {
    let are_new = own.weight == Weight::Nothing && other.weight == Weight::Nothing;
    own.owner != other.owner && (are_new || other.weight > own.weight)
}

#[cfg(test)]
mod tests {
    use super::{Claim, Weight, prevents};

    #[test]
    fn the_better_claim_prevents_the_other_and_new_ones_each_other() {
        let claim = |owner, weight| Claim {
            directory: "/dumps".into(),
            owner,
            weight,
        };
        let weights = [Weight::Nothing, Weight::Copied, Weight::Trusted];
        for own in weights {
            for other in weights {
                let (a, b) = (claim(1, own), claim(2, other));
                let both = own == Weight::Nothing && other == Weight::Nothing;
                assert_eq!(prevents(&a, &b), own < other || both, "{own:?} {other:?}");
                assert!(!prevents(&a, &claim(1, other)), "of the same owner");
            }
        }
    }
}
