//! What a drill found in its sandbox.

use serde::{Deserialize, Serialize};

use super::compare::Comparison;

/// What became of a restore.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Outcome {
    /// It was restored, and compared.
    Restored,
    /// There is nothing to restore: a program printed it.
    NotRestorable,
    /// Whether it restores cannot be proven on this machine, for this reason.
    NotProvable(String),
    /// It could not be restored, for this reason.
    Failed(String),
}

/// What the second process found.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Finding {
    pub(super) outcome: Outcome,
    pub(super) restore_seconds: Option<f64>,
    pub(super) comparison: Comparison,
}
