//! What a drill said: printed, and recorded for `status`.

use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;

use super::choose::Chosen;
use super::compare::Comparison;
use crate::clock;
use crate::directory::Directory;
use crate::human::printable;
use crate::name::DumpName;
use crate::state;

/// One drill.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) database: String,
    #[serde(serialize_with = "crate::human::path")]
    pub(super) path: PathBuf,
    /// Absent where there is nothing to restore: what a program printed.
    pub(super) passed: Option<bool>,
    /// How long restoring took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) restore_seconds: Option<f64>,
    #[serde(flatten)]
    pub(super) comparison: Comparison,
}

impl Row {
    /// Nothing was drilled yet.
    pub(super) fn of(chosen: &Chosen) -> Self {
        Row {
            database: chosen.database.clone(),
            path: chosen.path.clone(),
            passed: None,
            restore_seconds: None,
            comparison: Comparison::default(),
        }
    }

    /// It was asked for by name and is not there.
    pub(super) fn gone(chosen: &Chosen) -> Self {
        let mut row = Row::of(chosen);
        row.fail("it was removed meanwhile".to_owned());
        row
    }

    pub(super) fn fail(&mut self, problem: String) {
        self.passed = Some(false);
        self.comparison.problems.push(problem);
    }

    /// For `status`.
    pub(super) fn record(&self, directory: &Directory, name: &DumpName) {
        let Some(passed) = self.passed else {
            return;
        };
        let drill = state::Drill {
            time: clock::now(),
            dump: name.to_string(),
            seconds: self.restore_seconds.unwrap_or_default(),
            error: (!passed).then(|| self.comparison.problems.join("; ")),
        };
        let changed =
            directory.change_state(|state| state.of(name.name.as_str()).drill = Some(drill));
        if let Err(error) = changed {
            log::warn!("this drill cannot be recorded for status: {error:#}");
        }
    }

    pub(super) fn print(&self) -> io::Result<()> {
        let comparison = &self.comparison;
        let path = printable(&self.path.to_string_lossy());
        let mut out = io::stdout();
        match (self.passed, self.restore_seconds) {
            (None, _) => writeln!(out, "{path}: not drilled"),
            (Some(true), seconds) => {
                let seconds = seconds.unwrap_or_default();
                writeln!(out, "{path}: restored in {seconds:.1} s; {comparison}")
            }
            (Some(false), _) => {
                let problems = printable(&comparison.problems.join("; "));
                writeln!(out, "{path}: FAILED: {problems}")
            }
        }?;
        for note in &comparison.notes {
            log::warn!("{path}: {}", printable(note));
        }
        Ok(())
    }
}
