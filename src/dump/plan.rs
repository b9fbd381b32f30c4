//! What a run is to dump: every source, and of a whole server each of its databases.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use anyhow::Result;
use glob::Pattern;

use super::options::Options;
use crate::engine::Source;
use crate::exit::UsageError;
use crate::name::Name;

/// Which databases, and how many at a time.
#[derive(Debug, Clone)]
pub struct Selection {
    /// What the one source is called instead of its own name.
    pub name: Option<String>,
    /// Databases of a whole server to leave out, `@globals` among them.
    pub exclude: Vec<Pattern>,
    /// How many databases are dumped at a time.
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

/// One entry of the plan.
pub(super) enum Task {
    /// Something to dump.
    Dump(Name, Arc<dyn Source>),
    /// Something that could not even be planned, of this source, and why.
    Failed(String, Arc<dyn Source>, String),
}

/// # Errors
/// [`UsageError`] for whatever makes no sense before anything is asked of a server.
pub(super) fn check(sources: &[Arc<dyn Source>], selection: &Selection) -> Result<()> {
    if selection.name.is_some()
        && (sources.len() > 1 || sources.iter().any(|source| source.is_whole()))
    {
        return Err(UsageError::new(
            "--name names one source; several were given, or a whole server",
        )
        .into());
    }
    let whole: Vec<_> = sources.iter().filter(|source| source.is_whole()).collect();
    if let [one, other, ..] = whole[..] {
        return Err(UsageError::new(&format!(
            "the @globals of {one} and of {other} would have one name; dump one of them into another directory"
        ))
        .into());
    }
    let mut seen: HashMap<Name, Arc<dyn Source>> = HashMap::new();
    for source in sources.iter().filter(|source| !source.is_whole()) {
        let name = name_of(source.as_ref(), selection)
            .ok_or_else(|| UsageError::new("a database needs a name; --name gives it one"))?;
        if let Some(other) = seen.insert(name.clone(), Arc::clone(source)) {
            return Err(
                UsageError::new(&both_called(other.as_ref(), source.as_ref(), &name)).into(),
            );
        }
    }
    Ok(())
}

/// Asks each whole server for its databases.
pub(super) fn plan(
    sources: &[Arc<dyn Source>],
    selection: &Selection,
    options: &Options,
) -> Vec<Task> {
    let mut tasks = Vec::new();
    let mut seen: HashMap<Name, Arc<dyn Source>> = HashMap::new();
    let named = sources.iter().filter(|source| !source.is_whole());
    for source in named {
        if let Some(name) = name_of(source.as_ref(), selection) {
            seen.insert(name, Arc::clone(source));
        }
    }
    for source in sources {
        if !source.is_whole() {
            if let Some(name) = name_of(source.as_ref(), selection) {
                tasks.push(Task::Dump(name, source.clone()));
            }
            continue;
        }
        let parts = match source.parts(&options.access()) {
            Ok(parts) => parts,
            Err(error) => {
                let globals = Name::globals().to_string();
                let why = format!("the databases of {source} cannot be listed: {error:#}");
                tasks.push(Task::Failed(globals, source.clone(), why));
                continue;
            }
        };
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
            let Some(name) = name_of(part.as_ref(), selection) else {
                continue;
            };
            match seen.insert(name.clone(), Arc::clone(source)) {
                // Named as well.
                Some(other) if other.is_same(part.as_ref()) => {}
                Some(other) => {
                    let why = both_called(other.as_ref(), part.as_ref(), &name);
                    tasks.push(Task::Failed(name.to_string(), part, why));
                }
                None => tasks.push(Task::Dump(name, part)),
            }
        }
    }
    tasks
}

pub(super) fn name_of(source: &dyn Source, selection: &Selection) -> Option<Name> {
    if source.is_globals() {
        return Some(Name::globals());
    }
    match &selection.name {
        Some(name) => Name::of_database(name.as_bytes()),
        None => Name::of_database(&source.database()),
    }
}

fn both_called(one: &dyn Source, other: &dyn Source, name: &Name) -> String {
    format!(
        "{one} and {other} are both called {name}; dump one of them with --name, or into another directory"
    )
}
