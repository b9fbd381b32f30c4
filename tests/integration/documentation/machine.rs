//! A temporary directory that stands for the machine that the pages describe.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::page::{code, read};
use crate::support::{Env, PROGRAM, Run, database};

/// The dump directory of the database in the pages.
pub(crate) const DUMPS: &str = "/var/lib/dump-database/shop";
/// A name of a dump in the pages that stands for the newest dump.
const NEWEST: &str = "shop-20261122T193000Z.sqlite.gz";
/// A name of a dump in the pages that stands for the dump of a replaced database.
const REPLACED: &str = "shop-20261122T193000Z_02.sqlite.gz";
/// The first words of the commands that the tests can run.
const RUNNABLE: [&str; 8] = [
    "chown",
    "dump-database",
    "gunzip",
    "gzip",
    "mkdir",
    "mv",
    "rm",
    "systemctl",
];
/// Words of commands that need more than SQLite, or the reader's machine.
const ELSEWHERE: [&str; 9] = [
    "/srv/dumps",
    "daemon-reload",
    "mariadb",
    "mysql",
    "postgresql",
    "psql",
    "redis",
    "runuser",
    "slapcat",
];
/// Shell functions: `systemctl` does nothing; `named` finds the name of a dump by the rule that
/// keeps it.
const FUNCTIONS: &str = r#"
systemctl() { :; }
named() { dump-database list "$1" | grep " $2" | grep -o '[^ ]*\.gz' | head -1; }
"#;

/// Paths below a temporary directory that stand for the paths in the pages.
pub(crate) struct Machine {
    env: Env,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let env = Env::new();
        for directory in ["root", "srv/shop", "tmp", "var/backups", "var/lib/shop"] {
            fs::create_dir_all(env.path(directory)).unwrap();
        }
        fs::create_dir_all(env.path("var/lib/dump-database")).unwrap();
        Machine { env }
    }

    pub(crate) fn path(&self, absolute: &str) -> PathBuf {
        self.env.path(absolute.trim_start_matches('/'))
    }

    /// Creates an SQLite database with one row.
    pub(crate) fn create(&self, absolute: &str, row: &str) {
        let path = self.path(absolute);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let db = Connection::open(&path).unwrap();
        db.execute_batch("CREATE TABLE sale (note)").unwrap();
        drop(db);
        self.insert(absolute, row);
    }

    pub(crate) fn insert(&self, absolute: &str, row: &str) {
        let db = Connection::open(self.path(absolute)).unwrap();
        db.execute("INSERT INTO sale VALUES (?1)", [row]).unwrap();
    }

    pub(crate) fn contents(&self, absolute: &str) -> String {
        database::contents(&self.path(absolute))
    }

    /// Runs the program with blank-separated arguments and a directory.
    pub(crate) fn program(&self, arguments: &str, directory: &str) -> Run {
        let mut command = self.env.program(arguments);
        Run::finish(command.arg(self.path(directory))).succeeds()
    }

    /// Dumps the database of a path or a URL into a directory.
    pub(crate) fn dump(&self, source: &str, directory: &str) {
        let source = if source.contains("://") {
            source.into()
        } else {
            self.path(source)
        };
        fs::create_dir_all(self.path(directory).parent().unwrap()).unwrap();
        let mut command = self.env.program("dump");
        command.arg(source).arg("--to").arg(self.path(directory));
        Run::finish(&mut command).succeeds();
    }

    /// Runs the commands of a page for SQLite, in their order.
    pub(crate) fn run(&self, page: &str) {
        let mut lines = code(&read(page));
        lines.retain(|line| {
            let first = line.split(' ').next().unwrap_or_default();
            RUNNABLE.contains(&first) && !ELSEWHERE.iter().any(|word| line.contains(word))
        });
        self.run_lines(&lines);
    }

    /// Runs lines of a page unchanged, except for their paths and the names of dumps.
    pub(crate) fn run_lines(&self, lines: &[String]) {
        assert!(!lines.is_empty(), "the page has no command to run");
        let lines: Vec<_> = lines.iter().map(|line| self.localize(line)).collect();
        let script = format!("{FUNCTIONS}{}", lines.join("\n"));
        let program = Path::new(PROGRAM).parent().unwrap().to_owned();
        let paths = std::env::var_os("PATH").unwrap_or_default();
        let paths = [program].into_iter().chain(std::env::split_paths(&paths));
        let mut command = self.env.command("bash");
        command
            .env("PATH", std::env::join_paths(paths).unwrap())
            .args(["-euxo", "pipefail", "-c", &script]);
        Run::finish(&mut command).succeeds();
    }

    /// Returns a line with the paths of this machine and the names of its dumps.
    fn localize(&self, line: &str) -> String {
        let mut line = line
            .replace(" DUMP ", &format!(" {DUMPS} "))
            .replace(&format!("{DUMPS}/{REPLACED}"), REPLACED)
            .replace(REPLACED, &format!("{DUMPS}/\"$(named {DUMPS} replaced)\""))
            .replace(NEWEST, &format!("{DUMPS}/\"$(named {DUMPS} last)\""));
        for top in ["root", "srv", "tmp", "var"] {
            for before in [" ", "--reference="] {
                line = line.replace(&format!("{before}/{top}/"), &format!("{before}\0/{top}/"));
            }
        }
        line.replace('\0', &self.env.root().display().to_string())
    }
}
