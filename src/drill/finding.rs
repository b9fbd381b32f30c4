//! What a drill found in its sandbox.

use serde::{Deserialize, Serialize};

use super::compare::Comparison;

/// The outcome of a restore.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Outcome {
    /// The dump was restored and compared.
    Restored,
    /// There is nothing to restore: the dump is the output of a command.
    NotRestorable,
    /// This machine cannot prove that the dump restores, for this reason.
    NotProvable(String),
    /// The restore failed, for this reason.
    Failed(String),
}

/// What the second process reports.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Finding {
    pub(super) outcome: Outcome,
    pub(super) restore_seconds: Option<f64>,
    pub(super) comparison: Comparison,
}
