//! What lasts between runs: how the last one of each database ended, and its last drill.
//!
//! None of it is needed to restore. Lost or damaged it begins anew: when a database was last dumped
//! can be told by its dumps.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::identity::Engine;
use crate::name::Name;
use crate::retention::Policy;

/// After this long a database that was not tried again and has no dumps is forgotten.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The runs in one directory, by NAME.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// NAME as it stands in file names.
    pub databases: BTreeMap<String, Record>,
}

/// One database's.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<Engine>,
    /// The last attempt to dump it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Attempt>,
    /// The newest dump, when the database was last found to be still what it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unchanged: Option<Unchanged>,
    /// What its last run that dumped it kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
    /// The last drill of one of its dumps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<DrillRecord>,
}

/// An attempt to dump a database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it ended.
    pub time: Timestamp,
    /// How long it took, where that is known.
    pub seconds: Option<f64>,
    /// Why nothing was dumped; absent when all went well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A run that published nothing because the database had not changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unchanged {
    /// When that was.
    pub time: Timestamp,
    /// The file name of the dump that holds it.
    pub dump: String,
    /// When the database was last checked thoroughly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked: Option<Timestamp>,
}

/// A dump restored into a throwaway database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DrillRecord {
    /// When it ended.
    pub time: Timestamp,
    /// The dump's file name.
    pub dump: String,
    /// How long restoring took.
    pub seconds: f64,
    /// What was wrong with what was restored; absent when nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Why this machine could not prove that the dump restores; absent when it could.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_provable: Option<String>,
}

impl State {
    /// A database's record, new where there was none.
    pub fn of(&mut self, name: &str) -> &mut Record {
        self.databases.entry(name.to_owned()).or_default()
    }

    /// What a database's last run kept, where that is known.
    #[must_use]
    pub fn policy(&self, name: &Name) -> Option<&Policy> {
        let record = self.databases.get(name.as_str());
        record.and_then(|record| record.policy.as_ref())
    }

    /// Forgets databases that are no longer dumped: not tried for a week, and not among those of
    /// which `has_dumps`.
    pub fn forget_old(&mut self, now: Timestamp, has_dumps: impl Fn(&str) -> bool) {
        self.databases.retain(|name, record| {
            let tried = record.attempt.as_ref().map(|attempt| attempt.time);
            has_dumps(name) || tried.is_some_and(|tried| now.duration_since(tried) < FORGOTTEN)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_that_is_not_on_record_is_the_defaults() {
        let text = r#"{"databases":{"db":{"policy":{"last":3,"daily":7,"of_another_time":{}}}}}"#;
        let state: State = serde_json::from_str(text).unwrap();
        let name = Name::of_database(b"db").unwrap();
        let policy = state.policy(&name).unwrap();
        assert_eq!((policy.last.get(), policy.daily), (3, 7));
        assert_eq!(policy.before_shrink, Policy::default().before_shrink);
    }

    #[test]
    fn what_is_no_longer_dumped_is_forgotten_after_a_week() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let mut state = State::default();
        for (name, days) in [("dumped", 30), ("tried", 6), ("gone", 8)] {
            state.of(name).attempt = Some(Attempt {
                time: now - SignedDuration::from_hours(24 * days),
                seconds: None,
                error: None,
            });
        }
        state.of("drilled").drill = Some(DrillRecord {
            time: now,
            dump: String::new(),
            seconds: 1.0,
            error: None,
            not_provable: None,
        });
        state.forget_old(now, |name| name == "dumped");
        let left: Vec<_> = state.databases.keys().map(String::as_str).collect();
        assert_eq!(left, ["dumped", "tried"]);
    }
}
