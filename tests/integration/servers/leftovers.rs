//! Databases that look like those of restores, which another restore removes or leaves.

use super::name_of_restoring;
use crate::support::Run;

/// The names of three databases for restores of one database.
pub(crate) struct Leftovers {
    /// Of a restore on this machine that was killed.
    pub(crate) left: String,
    /// Of a restore on this machine that runs.
    pub(crate) at_work: String,
    /// Of a restore on another machine.
    pub(crate) elsewhere: String,
}

impl Leftovers {
    pub(crate) fn new(database: &str) -> Self {
        let left = name_of_restoring(database, 0x7fff_fffe);
        let (start, _) = left.rsplit_once('-').unwrap();
        Leftovers {
            elsewhere: format!("{start}-0123abcd"),
            at_work: name_of_restoring(database, std::process::id()),
            left,
        }
    }

    pub(crate) fn names(&self) -> [&str; 3] {
        [&self.left, &self.at_work, &self.elsewhere]
    }

    /// Asserts that a restore removed the database of the killed restore, kept the others, and said
    /// what it cannot judge. `exists` says whether the server has a database of this name.
    #[track_caller]
    pub(crate) fn assert_judged(&self, run: &Run, exists: impl Fn(&str) -> bool) {
        for said in [
            format!("removed the database {}, ", self.left),
            format!(
                "the database {} is of a restore that was killed or runs on",
                self.elsewhere
            ),
        ] {
            assert!(run.stderr.contains(&said), "no {said:?}: {run:?}");
        }
        assert!(!exists(&self.left));
        assert!(exists(&self.at_work));
        assert!(exists(&self.elsewhere));
    }
}
