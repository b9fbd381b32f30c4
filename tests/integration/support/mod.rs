//! Helpers that the tests share: a directory for each test, the program run in it, and the files
//! that the program left there.

pub(crate) mod database;
pub(crate) mod ended;
pub(crate) mod namespace;
pub(crate) mod planted;
pub(crate) mod strace;
pub(crate) mod writer;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The files of this program in a dump directory besides dumps.
pub(crate) const OWN: [&str; 2] = [".dump-database.lock", ".dump-database.state"];

/// The environment variable that holds the directory of the test, for every program that a test
/// runs.
const MARK: &str = "DUMP_DATABASE_TEST";

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_dump-database");

/// A temporary directory in which the program runs. Its dumps are in the directory `dump` there
/// unless a test names another one.
pub(crate) struct Env {
    root: TempDir,
}

impl Env {
    pub(crate) fn new() -> Self {
        let root = tempfile::Builder::new().prefix("dump-database-").tempdir();
        Env {
            root: root.expect("a temporary directory"),
        }
    }

    /// Returns the command lines of the programs that were started here and still run.
    fn processes(&self) -> Vec<String> {
        let mark = format!("{MARK}={}", self.root().display());
        let of = |pid: &String, file: &str| fs::read(format!("/proc/{pid}/{file}"));
        let mut pids = names(Path::new("/proc"));
        pids.retain(|pid| {
            let variables = of(pid, "environ").unwrap_or_default();
            let mut variables = variables.split(|byte| *byte == 0);
            variables.any(|variable| variable == mark.as_bytes())
        });
        let lines = pids
            .iter()
            .map(|pid| of(pid, "cmdline").unwrap_or_default());
        lines
            .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
            .collect()
    }

    /// Makes a directory with a small database, `db.sqlite`.
    pub(crate) fn with_database() -> Self {
        let env = Env::new();
        database::make_small(&env.path("db.sqlite"));
        env
    }

    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    pub(crate) fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root().join(relative)
    }

    /// Returns the default directory of the dumps.
    pub(crate) fn dumps(&self) -> PathBuf {
        self.path("dump")
    }

    /// Returns a command that runs `program` here, with no environment variable of this process
    /// but `PATH`.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.root())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("LC_ALL", "C.UTF-8")
            .env(MARK, self.root())
            .stdin(Stdio::null());
        command
    }

    /// Returns a command that runs the program with blank-separated arguments.
    pub(crate) fn program(&self, args: &str) -> Command {
        let mut command = self.command(PROGRAM);
        command.args(args.split_whitespace());
        command
    }

    /// Runs the program with blank-separated arguments.
    pub(crate) fn run(&self, args: &str) -> Run {
        Run::finish(&mut self.program(args))
    }

    /// Starts the program with blank-separated arguments; its output can be read later.
    pub(crate) fn start(&self, args: &str) -> Child {
        let mut command = self.program(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the program starts")
    }

    /// Dumps one database and returns the path of the dump.
    pub(crate) fn dump(&self, args: &str) -> PathBuf {
        let mut paths = self.run(&format!("dump {args}")).succeeds().paths();
        assert_eq!(paths.len(), 1, "{paths:?}");
        paths.remove(0)
    }

    /// Returns the names in `dump` that are not hidden, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names = names(&self.dumps());
        names.retain(|name| !name.starts_with('.'));
        names
    }

    /// Returns the names of the program's temporary files in `dump`, sorted.
    pub(crate) fn temporaries(&self) -> Vec<String> {
        let mut names = names(&self.dumps());
        names.retain(|name| name.starts_with('.') && !OWN.contains(&name.as_str()));
        names
    }
}

/// Asserts that no program that a test ran still runs after the test.
impl Drop for Env {
    fn drop(&mut self) {
        let give_up = Instant::now() + Duration::from_secs(10);
        while !std::thread::panicking() && !self.processes().is_empty() {
            let left = self.processes();
            assert!(Instant::now() < give_up, "still running: {left:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Returns the names in a directory, sorted; an empty list if there is no directory.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    let mut names: Vec<_> = entries.map(|entry| name(entry.unwrap())).collect();
    names.sort();
    names
}

/// Returns everything below a directory, by path: kind and mode, inode, and a text that stands for
/// the content. Two inventories are equal if nothing was created, replaced, changed or removed in
/// between. It leaves out the lock file, the state file, and the files that SQLite makes next to a
/// WAL database while a program reads it.
pub(crate) fn inventory(directory: &Path) -> BTreeMap<PathBuf, (u32, u64, String)> {
    let mut found = BTreeMap::new();
    for name in names(directory) {
        let path = directory.join(&name);
        let meta = path.symlink_metadata().unwrap();
        let content = match meta.file_type() {
            kind if kind.is_symlink() => path.read_link().unwrap().display().to_string(),
            kind if kind.is_file() => checksum(&fs::read(&path).unwrap_or_default()),
            _ => String::new(),
        };
        if meta.is_dir() {
            found.extend(inventory(&path));
        }
        let empty_log = name.ends_with("-wal") && meta.len() == 0;
        if !OWN.contains(&name.as_str()) && !name.ends_with("-shm") && !empty_log {
            found.insert(path, (meta.mode(), meta.ino(), content));
        }
    }
    found
}

/// Returns the CRC-32 and the length of a content.
pub(crate) fn checksum(content: &[u8]) -> String {
    let mut crc = flate2::Crc::new();
    crc.update(content);
    format!("{:08x} {}", crc.sum(), content.len())
}

#[track_caller]
pub(crate) fn wait_until(mut happened: impl FnMut() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(30);
    while !happened() {
        assert!(Instant::now() < give_up, "it did not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until the lock of a dump directory is free. A process that another test forks has this
/// process's locks until it runs its program.
#[track_caller]
pub(crate) fn wait_until_unlocked(dumps: &Path) {
    wait_until(|| {
        let lock = fs::File::open(dumps.join(".dump-database.lock"));
        lock.unwrap().try_lock().is_ok()
    });
}

/// Says on the real stderr that this test did not run, and why: the output of a passing test is
/// not shown otherwise.
pub(crate) fn skipped(why: &str) {
    let test = std::thread::current();
    let test = test.name().unwrap_or("a test");
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {why}");
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// The result of a program that has ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// The exit status; `None` if a signal ended the program.
    pub(crate) status: Option<i32>,
    pub(crate) signal: Option<i32>,
}

impl Run {
    pub(crate) fn finish(command: &mut Command) -> Self {
        let output = command.output();
        output
            .unwrap_or_else(|error| panic!("{command:?} (is it installed?): {error}"))
            .into()
    }

    /// Waits for a program that was started earlier.
    pub(crate) fn end_of(child: Child) -> Self {
        child.wait_with_output().expect("it ends").into()
    }

    #[track_caller]
    pub(crate) fn succeeds(self) -> Self {
        assert_eq!(self.status, Some(0), "{self:#?}");
        self
    }

    /// Asserts that the program ended with this exit status, printed `sentence` on stderr, and did
    /// not panic.
    #[track_caller]
    pub(crate) fn fails(self, status: i32, sentence: &str) -> Self {
        assert_eq!(self.status, Some(status), "{self:#?}");
        assert!(self.stderr.contains(sentence), "no {sentence:?}: {self:#?}");
        assert!(!self.stderr.contains("panicked"), "{self:#?}");
        self
    }

    /// Asserts that the program ended with this exit status, printed `sentence` on stdout, and did
    /// not panic.
    #[track_caller]
    pub(crate) fn reports(self, status: i32, sentence: &str) -> Self {
        assert!(self.stdout.contains(sentence), "no {sentence:?}: {self:#?}");
        self.fails(status, "")
    }

    /// Returns the lines of stdout as paths.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.stdout.lines().map(PathBuf::from).collect()
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Run {
            stdout: String::from_utf8(output.stdout).expect("text on stdout"),
            stderr: String::from_utf8(output.stderr).expect("text on stderr"),
            status: output.status.code(),
            signal: output.status.signal(),
        }
    }
}
