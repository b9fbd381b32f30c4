//! Finds PostgreSQL's client programs, and reads their versions.
//!
//! On Debian, `psql` and the other programs in `PATH` are one Perl script, `pg_wrapper`. It chooses a
//! version and a cluster, and then runs the real program. That takes as long as a small dump. So it
//! is asked once what it chooses, and then the real programs are run in its place.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use anyhow::{Context, Result};

use crate::child::output::read_output;
use crate::stop::Stop;

/// Where Debian installs the real programs, in a directory for each version.
const INSTALLED: &str = "/usr/lib/postgresql";
const WRAPPER: &str = "pg_wrapper";
/// The variables that the wrapper sets for the real program if they are not set.
pub(super) const VARIABLES: [&str; 3] = ["PGHOST", "PGPORT", "PGSYSCONFDIR"];

/// What the wrapper chooses.
#[derive(Debug, Default)]
struct Choice {
    /// The version of the chosen cluster, or `None` if there is no cluster.
    version: Option<String>,
    variables: Vec<(String, String)>,
}

/// Returns the command that runs a program, without arguments.
pub(super) fn build_command(program: &str) -> Command {
    static KNOWN: Mutex<BTreeMap<String, Option<PathBuf>>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let real = known
        .entry(program.to_owned())
        .or_insert_with(|| find_behind_wrapper(program));
    let Some(real) = real else {
        return Command::new(program);
    };
    let mut command = Command::new(real);
    for (name, value) in &read_choice().variables {
        if std::env::var_os(name).is_none() {
            command.env(name, value);
        }
    }
    command
}

/// Returns the major version and the full version that `PROGRAM --version` prints. It is asked only
/// once.
///
/// # Errors
/// When the program is missing or prints no version.
pub(super) fn read_version(program: &str, stop: Stop) -> Result<(u32, String)> {
    static KNOWN: Mutex<BTreeMap<String, (u32, String)>> = Mutex::new(BTreeMap::new());
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(version) = known().get(program) {
        return Ok(version.clone());
    }
    let version = ask_version(program, stop)?;
    known().insert(program.to_owned(), version.clone());
    Ok(version)
}

fn ask_version(program: &str, stop: Stop) -> Result<(u32, String)> {
    let mut command = build_command(program);
    let printed = read_output(command.arg("--version"), program, stop).with_context(|| {
        format!("{program} is needed and does not run; install PostgreSQL's client programs")
    })?;
    let printed = String::from_utf8_lossy(&printed);
    let words = printed.split([' ', '\n']);
    let version = words
        .into_iter()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    let version = version.with_context(|| format!("{program} --version printed {printed:?}"))?;
    let digits = version.bytes().take_while(u8::is_ascii_digit).count();
    let major = version[..digits].parse();
    Ok((major.context("no version")?, version.to_owned()))
}

/// Returns the real program that the wrapper runs as `program`, or `None` if `program` is not the
/// wrapper, or the program is not certain.
fn find_behind_wrapper(program: &str) -> Option<PathBuf> {
    find_wrapper(program)?;
    let installed = |version: &str| {
        let path = Path::new(INSTALLED).join(version).join("bin").join(program);
        path.is_file().then_some(path)
    };
    // The wrapper runs the newest psql, and the other programs in the version of the cluster.
    let real = if let Some(version) = read_choice()
        .version
        .as_deref()
        .filter(|_| program != "psql")
    {
        installed(version)?
    } else {
        let versions = std::fs::read_dir(INSTALLED).ok()?.flatten();
        let versions = versions.filter_map(|entry| entry.file_name().into_string().ok());
        let mut versions: Vec<u32> = versions.filter_map(|name| name.parse().ok()).collect();
        versions.sort_unstable();
        let mut newest = versions.iter().rev();
        newest.find_map(|version| installed(&version.to_string()))?
    };
    (read_version_text(Path::new(program))? == read_version_text(&real)?).then_some(real)
}

/// Returns the path of the wrapper if `program` in `PATH` is a link to it.
fn find_wrapper(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut programs = std::env::split_paths(&path).map(|directory| directory.join(program));
    let found = programs.find(|path| path.is_file())?.canonicalize().ok()?;
    found.ends_with(WRAPPER).then_some(found)
}

/// Returns what the wrapper chooses. Called by its own name, it runs any program.
fn read_choice() -> &'static Choice {
    static CHOICE: OnceLock<Choice> = OnceLock::new();
    CHOICE.get_or_init(|| {
        let default = Choice {
            version: None,
            variables: vec![(
                "PGSYSCONFDIR".to_owned(),
                "/etc/postgresql-common".to_owned(),
            )],
        };
        let Some(wrapper) = find_wrapper("psql") else {
            return default;
        };
        let said = read_printed(Command::new(wrapper).args(["env", "-0"]));
        // Without a cluster, the wrapper fails when it is called by its own name.
        let Some(said) = said else {
            return default;
        };
        let variables: BTreeMap<_, _> = said
            .split('\0')
            .filter_map(|variable| variable.split_once('='))
            .collect();
        let cluster = variables.get("PGCLUSTER").and_then(|it| it.split_once('/'));
        Choice {
            version: cluster.map(|(version, _)| version.to_owned()),
            variables: VARIABLES
                .iter()
                .filter_map(|name| Some(((*name).to_owned(), (*variables.get(name)?).to_owned())))
                .collect(),
        }
    })
}

fn read_version_text(program: &Path) -> Option<String> {
    read_printed(Command::new(program).arg("--version"))
}

fn read_printed(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    let printed = String::from_utf8(output.stdout).ok()?;
    output.status.success().then_some(printed)
}
