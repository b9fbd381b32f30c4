//! Plans what a run dumps: every source, and each database of a whole server.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::Arc;

use anyhow::Result;
use glob::Pattern;

use super::options::DumpOptions;
use crate::engine::Source;
use crate::exit::UsageError;
use crate::header::LeftOut;
use crate::name::Name;
use crate::state::State;

/// Which databases to dump, and how many at a time.
#[derive(Debug, Clone)]
pub struct Selection {
    /// The name that the only source has instead of its own name.
    pub name: Option<String>,
    /// Patterns of the databases of a whole server to leave out; `@globals` can be one of them.
    pub exclude: Vec<Pattern>,
    /// The number of databases that are dumped at the same time.
    pub jobs: NonZeroUsize,
}

impl Default for Selection {
    fn default() -> Self {
        Selection {
            name: None,
            exclude: Vec::new(),
            jobs: NonZeroUsize::MIN,
        }
    }
}

/// What a run does.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) tasks: Vec<Task>,
    /// The NAMEs of all databases of each server that could list them, by the server's own words.
    pub(super) listed: HashMap<String, HashSet<String>>,
    /// The number of servers that could not list their databases and have no task.
    pub(super) unreached: usize,
}

/// One entry of the plan.
pub(super) struct Task {
    /// The NAME of the dumps.
    pub(super) name: String,
    pub(super) source: Arc<dyn Source>,
    /// The whole server that the source is a part of, in that server's own words.
    pub(super) server: Option<String>,
    pub(super) planned: PlannedStep,
}

/// What the run does with an entry of the plan.
pub(super) enum PlannedStep {
    /// The run dumps the source under this NAME.
    Dump(Name),
    /// The run cannot dump the source, for this reason.
    Failed(String),
    /// The server cannot list its databases, for this reason, which was logged.
    Unreached(String),
}

/// Checks the sources and the selection before any server is asked.
///
/// # Errors
/// [`UsageError`] if two dumps would have the same NAME, a database has no name, `--name` is given
/// with several sources or a whole server, or a source has no tables to leave out.
pub(super) fn check(
    sources: &[Arc<dyn Source>],
    selection: &Selection,
    left_out: &LeftOut,
) -> Result<()> {
    if !left_out.is_nothing() {
        check_left_out(sources)?;
    }
    if selection.name.is_some()
        && (sources.len() > 1 || sources.iter().any(|source| source.is_whole()))
    {
        return Err(UsageError::new(
            "--name names one source; several were given, or a whole server",
        )
        .into());
    }
    let whole: Vec<_> = sources.iter().filter(|source| source.is_whole()).collect();
    if let [first, second, ..] = whole[..] {
        return Err(UsageError::new(&format!(
            "the @globals of {first} and of {second} would have one name; dump one of them into another directory"
        ))
        .into());
    }
    let mut seen: HashMap<Name, Arc<dyn Source>> = HashMap::new();
    for source in sources.iter().filter(|source| !source.is_whole()) {
        let name = find_name(source.as_ref(), selection).ok_or_else(|| {
            UsageError::new("the source names no database; give the dump a name with --name")
        })?;
        if let Some(other) = seen.insert(name.clone(), Arc::clone(source)) {
            return Err(UsageError::new(&describe_conflict(
                other.as_ref(),
                source.as_ref(),
                &name,
            ))
            .into());
        }
    }
    Ok(())
}

/// Checks that tables can be left out of every source. A whole server has many databases, and a
/// pattern of one of them would be an error in the others.
fn check_left_out(sources: &[Arc<dyn Source>]) -> Result<()> {
    for source in sources {
        if !source.can_leave_out() {
            return Err(UsageError::new(&format!(
                "--exclude-table and --exclude-rows are for PostgreSQL and MySQL/MariaDB; of {source} everything is dumped"
            ))
            .into());
        }
        if source.is_whole() {
            return Err(UsageError::new(&format!(
                "--exclude-table and --exclude-rows concern one database; name it in the URL, and leave it out of the dump of {source} with --exclude"
            ))
            .into());
        }
    }
    Ok(())
}

/// Returns the plan. Asks each whole server for its databases.
pub(super) fn plan(
    sources: &[Arc<dyn Source>],
    selection: &Selection,
    options: &DumpOptions,
    state: &State,
) -> Plan {
    let mut plan = Plan::default();
    let mut seen: HashMap<Name, Arc<dyn Source>> = HashMap::new();
    let named = sources.iter().filter(|source| !source.is_whole());
    for source in named {
        if let Some(name) = find_name(source.as_ref(), selection) {
            seen.insert(name, Arc::clone(source));
        }
    }
    for source in sources {
        if !source.is_whole() {
            if let Some(name) = find_name(source.as_ref(), selection) {
                plan.tasks.push(Task {
                    name: name.to_string(),
                    source: source.clone(),
                    server: None,
                    planned: PlannedStep::Dump(name),
                });
            }
            continue;
        }
        let server = Some(source.to_string());
        let parts = match source.list_parts(&options.begin_access()) {
            Ok(parts) => parts,
            Err(error) => {
                let why = format!("the databases of {source} cannot be listed: {error:#}");
                log::error!("{why}");
                let names = list_known(state, server.as_ref(), selection);
                plan.unreached += usize::from(names.is_empty());
                plan.tasks.extend(names.into_iter().map(|name| Task {
                    name,
                    source: source.clone(),
                    server: server.clone(),
                    planned: PlannedStep::Unreached(why.clone()),
                }));
                continue;
            }
        };
        let names = parts
            .iter()
            .filter_map(|part| find_name(part.as_ref(), selection));
        let names = names.map(|name| name.to_string()).collect();
        plan.listed.insert(source.to_string(), names);
        for part in parts {
            let database = part.database();
            let text = String::from_utf8_lossy(&database);
            if selection
                .exclude
                .iter()
                .any(|pattern| pattern.matches(&text))
            {
                log::debug!("{text} is left out (--exclude)");
                continue;
            }
            let Some(name) = find_name(part.as_ref(), selection) else {
                continue;
            };
            let planned = match seen.insert(name.clone(), Arc::clone(source)) {
                // The command line names this database too.
                Some(other) if other.is_same(part.as_ref()) => continue,
                Some(other) => {
                    PlannedStep::Failed(describe_conflict(other.as_ref(), part.as_ref(), &name))
                }
                None => PlannedStep::Dump(name.clone()),
            };
            plan.tasks.push(Task {
                name: name.to_string(),
                source: part,
                server: server.clone(),
                planned,
            });
        }
    }
    plan
}

/// Returns the NAMEs that the last run dumped as parts of a server, without those that are
/// excluded. The NAME of the server-wide objects, which every server has, is the last.
fn list_known(state: &State, server: Option<&String>, selection: &Selection) -> Vec<String> {
    let globals = Name::for_globals().to_string();
    let excluded = |name: &str| {
        selection
            .exclude
            .iter()
            .any(|pattern| pattern.matches(name))
    };
    let of_server = state
        .databases
        .iter()
        .filter(|(name, record)| record.server.as_ref() == server && **name != globals);
    let mut names: Vec<_> = of_server.map(|(name, _)| name.clone()).collect();
    names.push(globals);
    names.retain(|name| !excluded(name));
    names
}

pub(super) fn find_name(source: &dyn Source, selection: &Selection) -> Option<Name> {
    if source.is_globals() {
        return Some(Name::for_globals());
    }
    match &selection.name {
        Some(name) => Name::encode(name.as_bytes()),
        None => Name::encode(&source.database()),
    }
}

fn describe_conflict(first: &dyn Source, second: &dyn Source, name: &Name) -> String {
    format!(
        "{first} and {second} are both called {name}; dump one of them with --name, or into another directory"
    )
}
