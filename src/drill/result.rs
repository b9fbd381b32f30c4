//! The result of a drill, which is printed, and recorded for `status`.

use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;

use super::choose::ChosenDump;
use super::compare::Comparison;
use super::finding::{Finding, Outcome};
use crate::clock;
use crate::directory::Directory;
use crate::human::escape;
use crate::name::DumpName;
use crate::state;

/// The result of the drill of one dump.
#[derive(Debug, Serialize)]
pub(super) struct DrillResult {
    pub(super) database: String,
    #[serde(serialize_with = "crate::human::serialize_path")]
    pub(super) path: PathBuf,
    /// True if the drill passed; `None` if there is nothing to restore (the dump is the output of
    /// a command), or if this machine cannot prove that the dump restores.
    pub(super) passed: Option<bool>,
    /// Why this machine cannot prove that the dump restores.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) not_provable: Option<String>,
    /// The duration of the restore in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) restore_seconds: Option<f64>,
    #[serde(flatten)]
    pub(super) comparison: Comparison,
}

impl DrillResult {
    /// Returns the result of a dump that is not drilled yet.
    pub(super) fn new(chosen: &ChosenDump) -> Self {
        DrillResult {
            database: chosen.database.clone(),
            path: chosen.path.clone(),
            passed: None,
            not_provable: None,
            restore_seconds: None,
            comparison: Comparison::default(),
        }
    }

    /// Returns the result of a dump that the user named and that does not exist any more.
    pub(super) fn for_removed_dump(chosen: &ChosenDump) -> Self {
        let mut row = DrillResult::new(chosen);
        row.fail("it was removed while this command ran".to_owned());
        row
    }

    /// Takes over what the drill found.
    pub(super) fn take(&mut self, finding: Finding) {
        self.restore_seconds = finding.restore_seconds;
        self.comparison = finding.comparison;
        match finding.outcome {
            Outcome::Restored => self.passed = Some(self.comparison.problems.is_empty()),
            Outcome::NotRestorable => self
                .comparison
                .notes
                .push("dump-database does not restore the output of a program".to_owned()),
            Outcome::NotProvable(why) => self.not_provable = Some(why),
            Outcome::Failed(problem) => self.fail(problem),
        }
    }

    pub(super) fn fail(&mut self, problem: String) {
        self.passed = Some(false);
        self.comparison.problems.push(problem);
    }

    /// Records the result in the directory's state, for `status`.
    pub(super) fn record(&self, directory: &Directory, name: &DumpName) {
        if self.passed.is_none() && self.not_provable.is_none() {
            return;
        }
        let failed = self.passed == Some(false);
        let drill = state::DrillRecord {
            time: clock::now(),
            dump: name.to_string(),
            seconds: self.restore_seconds.unwrap_or_default(),
            error: failed.then(|| self.comparison.problems.join("; ")),
            not_provable: self.not_provable.clone(),
        };
        let changed =
            directory.change_state(|state| state.record(name.name.as_str()).drill = Some(drill));
        if let Err(error) = changed {
            log::warn!("cannot record the result of this drill for status: {error:#}");
        }
    }

    pub(super) fn print(&self) -> io::Result<()> {
        let comparison = &self.comparison;
        let path = escape(&self.path.to_string_lossy());
        let mut out = io::stdout();
        match (self.passed, self.restore_seconds) {
            (None, _) => match &self.not_provable {
                Some(why) => writeln!(out, "{path}: not provable here: {}", escape(why)),
                None => writeln!(out, "{path}: not drilled"),
            },
            (Some(true), seconds) => {
                let seconds = seconds.unwrap_or_default();
                writeln!(out, "{path}: restored in {seconds:.1} s; {comparison}")
            }
            (Some(false), _) => {
                let problems = escape(&comparison.problems.join("; "));
                writeln!(out, "{path}: FAILED: {problems}")
            }
        }?;
        for note in &comparison.notes {
            log::warn!("{path}: {}", escape(note));
        }
        Ok(())
    }
}
