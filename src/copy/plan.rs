//! Plans which dumps to copy: those that a destination lacks and that its retention would keep. Pure: the
//! clock is a parameter.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;

use super::catalogue::StoredCopy;
use super::sidecar::Sidecar;
use crate::directory::DumpFile;
use crate::header::{DumpKind, Header};
use crate::name::DumpName;
use crate::retention::{self, Candidate, Policy, Rule, Size, Verdict};

/// A copy with its sidecar.
pub(super) type KnownCopy = (StoredCopy, Sidecar);

/// A dump that the destination lacks, and the hash of what the user left out of it.
pub(super) type Lacking<'a> = (&'a (DumpFile, Header), &'a Option<String>);

/// Returns the dumps of a database that are to be copied, the newest first. `left_out` has, for each dump,
/// the hash of what the user left out of it. `copies` are the copies of the same identity in the
/// destination. A dump dated in the future is not copied before that time.
#[must_use]
pub(super) fn choose_missing<'a>(
    dumps: &'a [(DumpFile, Header)],
    left_out: &'a [Option<String>],
    copies: &[KnownCopy],
    policy: &Policy,
    includes_replaced: bool,
    now: Timestamp,
) -> Vec<Lacking<'a>> {
    let copied: HashSet<&DumpName> = copies.iter().map(|(copy, _)| &copy.name.dump).collect();
    let local: Vec<_> = dumps
        .iter()
        .zip(left_out)
        .filter(|((_, header), _)| includes_replaced || header.kind == DumpKind::Regular)
        .filter(|((entry, _), _)| !copied.contains(&entry.name))
        .collect();
    let mut all: Vec<_> = local
        .iter()
        .map(|((entry, header), left_out)| {
            build_candidate(&entry.name, entry.bytes, header.kind, left_out.as_deref())
        })
        .collect();
    all.extend(copies.iter().map(make_candidate));
    let verdicts = retention::plan(&all, policy, now, None);
    let mut lacking: Vec<_> = local
        .into_iter()
        .zip(verdicts)
        .filter(|(_, verdict)| matches!(verdict, Verdict::Keep(rules) if rules != &[Rule::Future]))
        .map(|(dump, _)| dump)
        .collect();
    lacking.reverse();
    lacking
}

/// Returns the verdict of retention on each copy of one identity, in the order of the copies.
#[must_use]
pub(super) fn judge_copies(
    copies: &[KnownCopy],
    policy: &Policy,
    now: Timestamp,
    published: Option<&DumpName>,
) -> Vec<Verdict> {
    let all: Vec<_> = copies.iter().map(make_candidate).collect();
    retention::plan(&all, policy, now, published.map(DumpName::key))
}

fn make_candidate((copy, sidecar): &KnownCopy) -> Candidate {
    let left_out = sidecar.left_out.as_deref();
    build_candidate(&copy.name.dump, copy.bytes, sidecar.kind, left_out)
}

/// Returns a candidate for retention. The content of a copy is not known, so dumps are compared by the size
/// of their files.
fn build_candidate(
    name: &DumpName,
    bytes: u64,
    kind: DumpKind,
    left_out: Option<&str>,
) -> Candidate {
    let (time, sequence) = name.key();
    let group = |left_out: &str| {
        let mut hasher = DefaultHasher::new();
        left_out.hash(&mut hasher);
        hasher.finish().max(1)
    };
    Candidate {
        time,
        sequence,
        size: Size {
            compressed: bytes,
            ..Size::default()
        },
        is_replaced: kind == DumpKind::Replaced,
        left_out: left_out.map_or(0, group),
    }
}
