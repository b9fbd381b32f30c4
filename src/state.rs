//! The records that last between runs: how the last run of each database ended, and its last drill.
//!
//! No restore needs these records. If they are lost or damaged, they begin anew: the dumps
//! themselves say when a database was last dumped.

use std::collections::{BTreeMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::identity::Engine;
use crate::name::Name;
use crate::retention::Policy;

/// A database without dumps is forgotten after this time without an attempt to dump it.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The records of one dump directory.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The record of each database, by the NAME in its file names.
    pub databases: BTreeMap<String, Record>,
}

/// The record of one database.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The engine of the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<Engine>,
    /// The server that the database belongs to, if the last run dumped the whole server and the
    /// server still has the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// The last attempt to dump it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Attempt>,
    /// The last run that found the database unchanged since its newest dump.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unchanged: Option<UnchangedRun>,
    /// The retention policy of the last run that dumped it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
    /// The last drill of one of its dumps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<DrillRecord>,
}

/// An attempt to dump a database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// The time when it ended.
    pub time: Timestamp,
    /// The duration of the attempt in seconds, if known.
    pub seconds: Option<f64>,
    /// Why the database was not dumped. Absent after a success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A run that published nothing because the database had not changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnchangedRun {
    /// The time of that run.
    pub time: Timestamp,
    /// The file name of the newest dump.
    pub dump: String,
    /// The time of the last thorough check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked: Option<Timestamp>,
}

/// A drill of a dump.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DrillRecord {
    /// The time when it ended.
    pub time: Timestamp,
    /// The dump's file name.
    pub dump: String,
    /// The duration of the restore in seconds.
    pub seconds: f64,
    /// What was wrong with the restored database. Absent after a success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Why this machine could not prove that the dump restores. Absent when it could.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_provable: Option<String>,
}

impl State {
    /// Returns the record of a database, a new one if there was none.
    pub fn record(&mut self, name: &str) -> &mut Record {
        self.databases.entry(name.to_owned()).or_default()
    }

    /// Returns the retention policy of the last run that dumped a database, if known.
    #[must_use]
    pub fn policy(&self, name: &Name) -> Option<&Policy> {
        let record = self.databases.get(name.as_str());
        record.and_then(|record| record.policy.as_ref())
    }

    /// Forgets that databases belong to `server`, which has only the databases `listed`. A database
    /// that was dropped does not fail when the server is down.
    pub fn forget_unlisted(&mut self, server: &str, listed: &HashSet<String>) {
        for (name, record) in &mut self.databases {
            if !listed.contains(name) {
                record.server.take_if(|of| of == server);
            }
        }
    }

    /// Forgets databases that no run has tried to dump for a week and for which `has_dumps` is
    /// false.
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
        let name = Name::encode(b"db").unwrap();
        let policy = state.policy(&name).unwrap();
        assert_eq!((policy.last.get(), policy.daily), (3, 7));
        assert_eq!(policy.before_shrink, Policy::default().before_shrink);
    }

    #[test]
    fn what_is_no_longer_dumped_is_forgotten_after_a_week() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let mut state = State::default();
        for (name, days) in [("dumped", 30), ("tried", 6), ("gone", 8)] {
            state.record(name).attempt = Some(Attempt {
                time: now - SignedDuration::from_hours(24 * days),
                seconds: None,
                error: None,
            });
        }
        state.record("drilled").drill = Some(DrillRecord {
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
