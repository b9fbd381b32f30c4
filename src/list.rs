//! Lists dumps and the reasons why they are kept.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Result;
use jiff::Timestamp;
use serde::Serialize;

use crate::clock;
use crate::directory::Directory;
use crate::header::{DumpKind, Header, LeftOut, Rows};
use crate::human;
use crate::identity::Engine;
use crate::name::Format;
use crate::retention::{self, Policy, Rule, Verdict};
use crate::series::{Series, UncountedDump};

/// A dump in the list.
#[derive(Debug, Serialize)]
struct ListedDump {
    database: String,
    time: Timestamp,
    #[serde(serialize_with = "human::serialize_path")]
    path: PathBuf,
    bytes: u64,
    format: Format,
    kind: DumpKind,
    /// What the user left out of it.
    #[serde(skip_serializing_if = "LeftOut::is_nothing")]
    left_out: LeftOut,
    /// What a dump of Redis or Valkey holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    holds: Option<KeyTotals>,
    /// The rules that keep it. If empty, the next rotation removes it.
    kept_by: Vec<Rule>,
}

/// The number of keys in a dump.
#[derive(Debug, Serialize)]
struct KeyTotals {
    keys: u64,
    databases: usize,
}

impl KeyTotals {
    /// Returns the number of keys in a dump of Redis or Valkey, and `None` for any other engine.
    fn from_header(header: &Header) -> Option<Self> {
        let facts = &header.facts;
        let keys = facts.tables.iter().filter_map(|(_, rows)| *rows);
        (header.identity.engine == Engine::Redis).then(|| KeyTotals {
            keys: keys.filter_map(Rows::exact).sum(),
            databases: facts.table_count,
        })
    }
}

impl fmt::Display for KeyTotals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = usize::try_from(self.keys).unwrap_or(usize::MAX);
        let keys = human::format_count(keys, "key");
        let databases = human::format_count(self.databases, "database");
        write!(f, "{keys} in {databases}")
    }
}

impl ListedDump {
    /// Returns the name of the dump's file.
    fn file(&self) -> Cow<'_, str> {
        self.path.file_name().unwrap_or_default().to_string_lossy()
    }
}

/// Prints the dumps of each directory on stdout, by database, the newest first. Without a `policy`,
/// the policy of each database's last run applies.
///
/// # Errors
/// When a directory cannot be read or stdout is closed.
pub fn run(directories: &[PathBuf], policy: Option<&Policy>, json: bool) -> Result<()> {
    let now = clock::now();
    let mut listed = Vec::new();
    for path in directories {
        let directory = Directory::open(path)?;
        let entries = directory.list_dumps()?;
        let state = directory.read_state();
        for series in Series::read_all(&directory, &entries) {
            let policy = policy.or(state.policy(&series.name));
            let policy = policy.cloned().unwrap_or_default();
            for UncountedDump { entry, reason, .. } in &series.uncounted {
                log::warn!("{} is not listed: {reason}", entry.name);
            }
            listed.push((read_rows(&directory, &series, &policy, now), policy));
        }
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    if json {
        let all: Vec<_> = listed.iter().flat_map(|(rows, _)| rows).collect();
        writeln!(out, "{}", human::format_json(&all)?)?;
    } else {
        for (rows, policy) in listed.iter().filter(|(rows, _)| !rows.is_empty()) {
            print_table(&mut out, rows, policy, now)?;
        }
        if listed.iter().all(|(rows, _)| rows.is_empty()) {
            log::info!("no dumps here");
        }
    }
    out.flush()?;
    Ok(())
}

fn read_rows(
    directory: &Directory,
    series: &Series,
    policy: &Policy,
    now: Timestamp,
) -> Vec<ListedDump> {
    let verdicts = series.plan(policy, now, None);
    let rows = series.dumps.iter().zip(verdicts).rev();
    rows.map(|((entry, header), verdict)| ListedDump {
        database: header.database.clone(),
        time: entry.name.time,
        path: directory.path_of(&entry.name),
        bytes: entry.bytes,
        format: entry.name.format,
        kind: header.kind,
        left_out: header.left_out.clone(),
        holds: KeyTotals::from_header(header),
        kept_by: match verdict {
            Verdict::Keep(rules) => rules,
            Verdict::Remove => Vec::new(),
        },
    })
    .collect()
}

fn print_table(
    out: &mut impl Write,
    rows: &[ListedDump],
    policy: &Policy,
    now: Timestamp,
) -> io::Result<()> {
    let names: Vec<_> = rows
        .iter()
        .map(|row| human::escape(&row.database))
        .collect();
    let width = names.iter().map(|name| name.chars().count()).max();
    let width = width.unwrap_or(0).max("database".len());
    let file = rows.iter().map(|row| row.file().chars().count()).max();
    let file = file.unwrap_or(0).max("file".len());
    let holds = |row: &ListedDump| {
        row.holds
            .as_ref()
            .map_or(String::new(), |it| format!("{it}  "))
    };
    let held = rows.iter().map(|row| holds(row).len()).max().unwrap_or(0);
    let title = if held > 0 { "holds" } else { "" };
    writeln!(
        out,
        "{:width$}  {:20}  {:>8}  {:>10}  {:file$}  {title:held$}kept by",
        "database", "time (UTC)", "age", "size", "file"
    )?;
    for (row, name) in rows.iter().zip(&names) {
        let kept_by: Vec<_> = row.kept_by.iter().map(Rule::to_string).collect();
        let lacks = match row.left_out.is_nothing() {
            true => String::new(),
            false => format!("; {}", row.left_out),
        };
        writeln!(
            out,
            "{:width$}  {:20}  {:>8}  {:>10}  {:file$}  {:held$}{}{lacks}",
            name,
            row.time.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
            human::format_age(now.duration_since(row.time)),
            human::format_bytes(row.bytes),
            row.file(),
            holds(row),
            match (kept_by.is_empty(), row.kind) {
                (true, _) => "nothing: the next rotation removes it".to_owned(),
                (false, DumpKind::Regular) => kept_by.join(", "),
                (false, DumpKind::Replaced) => format!(
                    "{}: a restore replaced it; restore takes it only by name",
                    kept_by.join(", ")
                ),
            }
        )?;
    }
    let regular = rows.iter().filter(|row| row.kind == DumpKind::Regular);
    let kept = regular.filter(|row| !row.kept_by.is_empty());
    if let Some(reach) = retention::measure_reach(kept.map(|row| row.time), now) {
        let database = names.first().map_or("", String::as_str);
        write!(
            out,
            "{database}: the kept dumps reach back {}",
            human::format_age(reach)
        )?;
        if !policy.has_tiers() {
            if !policy.before_shrink.is_zero() {
                let days = human::format_duration(policy.before_shrink);
                write!(
                    out,
                    "; the dump from before a database is emptied stays {days}, a smaller loss is not noticed"
                )?;
            }
            write!(out, "; --keep-daily 7 reaches back a week")?;
        }
        writeln!(out, "\n")?;
    }
    Ok(())
}
