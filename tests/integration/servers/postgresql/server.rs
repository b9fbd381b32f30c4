//! A PostgreSQL server for one test: in a temporary directory, on a private Unix socket, as an
//! unprivileged user. Dropping it removes it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::servers::{SmallDisk, give_to, newest_below, read_printed, start_server, unprivileged};

pub(crate) struct Server {
    place: TempDir,
    /// More settings, as `NAME=VALUE`.
    settings: Vec<String>,
    /// A disk mounted in the server's directory; `None` if it has none.
    disk: Option<SmallDisk>,
    /// Whether the server's messages are German.
    is_german: bool,
    process: Option<Child>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Server::start_with("")
    }

    /// Starts a server with a disk of `megabytes` MB and the tablespace `tiny` on it; returns
    /// `None` if the system does not allow such a disk.
    pub(crate) fn start_with_disk(megabytes: u32) -> Option<Self> {
        let mut server = Server::start();
        server.stop();
        let disk = server.directory().join("disk");
        server.disk = Some(SmallDisk::at(&disk, megabytes)?);
        server.resume();
        let space = disk.join("space").display().to_string();
        // The server makes the directory, because only the server sees the disk and it must own
        // the directory.
        let make = format!("COPY (SELECT 1) TO PROGRAM 'mkdir {space}'");
        server.psql("postgres", &make);
        server.psql(
            "postgres",
            &format!("CREATE TABLESPACE tiny LOCATION '{space}'"),
        );
        Some(server)
    }

    /// Starts a server whose messages are German. Returns `None` if this system has no German
    /// locale or the server has no German messages.
    pub(crate) fn start_in_german() -> Option<Self> {
        let mut server = Server::start();
        let locale = server.directory().join("de_DE.UTF-8");
        let mut localedef = Command::new("localedef");
        localedef.args(["-i", "de_DE", "-f", "UTF-8"]).arg(&locale);
        let made = localedef.output();
        server.stop();
        server.is_german = true;
        server.settings.push("lc_messages=de_DE.UTF-8".to_owned());
        let made = made.is_ok_and(|made| made.status.success());
        if !made {
            return None;
        }
        server.resume();
        let said = server.try_psql("postgres", "SELECT FROM missing").stderr;
        String::from_utf8_lossy(&said)
            .contains("FEHLER")
            .then_some(server)
    }

    /// Starts a server with more options for `initdb`, separated by blanks.
    pub(crate) fn start_with(initdb: &str) -> Self {
        Server::installed(initdb, &[])
    }

    /// Starts a server with more settings, each `NAME=VALUE`.
    pub(crate) fn start_with_settings(settings: &[String]) -> Self {
        Server::installed("", settings)
    }

    fn installed(initdb: &str, settings: &[String]) -> Self {
        let place = tempfile::Builder::new().prefix("pg-").tempdir().unwrap();
        let mut server = Server {
            place,
            settings: settings.to_vec(),
            disk: None,
            is_german: false,
            process: None,
        };
        give_to("postgres", server.place.path());
        let mut command = server.tool("initdb");
        command
            .args(["--no-sync", "--auth=trust", "--username=postgres"])
            .args(["--encoding=UTF8", "--locale=C.UTF-8", "--pgdata=data"])
            .args(initdb.split_whitespace());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        server.resume();
        server
    }

    fn tool(&self, name: &str) -> Command {
        let installed = newest_below("/usr/lib/postgresql").join("bin").join(name);
        let own = self.path_below(&installed);
        let program = if own.exists() { own } else { installed };
        let mut command = unprivileged("postgres", &program);
        command.current_dir(self.place.path());
        if self.is_german {
            command.env("LOCPATH", self.place.path());
        }
        if let Some(disk) = &self.disk {
            command = disk.seen_by(&command);
        }
        command
    }

    /// Returns the path of an installed file below this server's own directory.
    fn path_below(&self, installed: &Path) -> PathBuf {
        self.directory().join(installed.strip_prefix("/").unwrap())
    }

    /// Restarts the server from a separate directory that has one more extension: a server looks
    /// for extensions next to its program.
    pub(crate) fn add_extension(&mut self, name: &str, control: &str, script: &str) {
        let installed = newest_below("/usr/lib/postgresql");
        let version = installed.file_name().unwrap();
        let share = Path::new("/usr/share/postgresql").join(version);
        let extensions = self.path_below(&share).join("extension");
        let links = [(share.clone(), "extension"), (share.join("extension"), "")];
        fs::create_dir_all(&extensions).unwrap();
        for (directory, left_out) in links {
            for entry in fs::read_dir(&directory).unwrap() {
                let path = entry.unwrap().path();
                if path.file_name().unwrap() != left_out {
                    symlink(&path, self.path_below(&path)).unwrap();
                }
            }
        }
        fs::write(extensions.join(format!("{name}.control")), control).unwrap();
        fs::write(extensions.join(format!("{name}--1.0.sql")), script).unwrap();
        fs::create_dir_all(self.path_below(&installed).join("bin")).unwrap();
        let program = installed.join("bin/postgres");
        fs::copy(&program, self.path_below(&program)).unwrap();
        symlink(
            installed.join("lib"),
            self.path_below(&installed).join("lib"),
        )
        .unwrap();
        self.stop();
        self.resume();
    }

    /// Starts the server again after [`Server::stop`].
    pub(crate) fn resume(&mut self) {
        let mut command = self.tool("postgres");
        command
            .args(["-D", "data", "-k"])
            .arg(self.place.path())
            .args(["-c", "listen_addresses=", "-c", "fsync=off"])
            .args(["-c", "wal_level=logical"])
            .args([
                "-c",
                "shared_buffers=32MB",
                "-c",
                "password_encryption=scram-sha-256",
            ])
            .args(self.settings.iter().flat_map(|setting| ["-c", setting]));
        let log = self.directory().join("log");
        let is_ready = || self.try_psql("postgres", "SELECT").status.success();
        self.process = Some(start_server(&mut command, &log, is_ready));
    }

    /// Stops the server at once, as in a crash.
    pub(crate) fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            kill_process(Pid::from_child(&process), Signal::QUIT).unwrap();
            process.wait().unwrap();
        }
    }

    /// Returns the directory with the server's socket and data.
    pub(crate) fn directory(&self) -> &Path {
        self.place.path()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.directory().join("data")
    }

    /// Returns the URL of a database, whose name must be in the form of a URL; an empty name
    /// stands for the whole server.
    pub(crate) fn url(&self, database: &str) -> String {
        self.url_as("postgres", database)
    }

    pub(crate) fn url_as(&self, user: &str, database: &str) -> String {
        let place = self.directory().display();
        format!("postgresql://{user}@/{database}?host={place}")
    }

    pub(crate) fn try_psql(&self, database: &str, sql: &str) -> std::process::Output {
        let mut psql = self.client("psql", database);
        psql.args(["-XAtqw", "-v", "ON_ERROR_STOP=1", "-c", sql]);
        psql.output().unwrap()
    }

    /// Returns what a query prints.
    #[track_caller]
    pub(crate) fn psql(&self, database: &str, sql: &str) -> String {
        read_printed(sql, self.try_psql(database, sql))
    }

    #[track_caller]
    pub(crate) fn script(&self, database: &str, path: &Path) {
        let mut psql = self.client("psql", database);
        psql.args(["-Xqw", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null", "-f"]);
        let output = psql.arg(path).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    /// Returns a command that runs a client, which connects by its environment; the database's
    /// name is used as it is.
    pub(crate) fn client(&self, program: &str, database: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("PGHOST", self.directory())
            .env("PGUSER", "postgres")
            .env("PGDATABASE", database)
            .env("PGOPTIONS", "-c client_min_messages=warning")
            .stdin(Stdio::null());
        let mut settings = self.settings.iter();
        if let Some(port) = settings.find_map(|setting| setting.strip_prefix("port=")) {
            command.env("PGPORT", port);
        }
        command
    }

    pub(crate) fn databases(&self) -> Vec<String> {
        let all = self.psql("postgres", "SELECT datname FROM pg_database ORDER BY 1");
        all.lines().map(str::to_owned).collect()
    }

    /// Returns everything in a database: the output of `pg_dump --create`, with the database's own
    /// settings, and what it leaves out or could get wrong: checksums, sequences, large objects.
    pub(crate) fn read_all(&self, database: &str) -> String {
        self.read_with(database, "--create")
    }

    /// Returns everything in a database, as [`Server::read_all`], but for the order of the rows.
    pub(crate) fn read_all_unordered(&self, database: &str) -> String {
        self.read_with(database, "--schema-only")
    }

    fn read_with(&self, database: &str, option: &str) -> String {
        let mut pg_dump = self.client("pg_dump", database);
        let dumped = pg_dump.args(["-w", option]).output().unwrap();
        let said = String::from_utf8_lossy(&dumped.stderr);
        assert!(dumped.status.success(), "{said}");
        let text = String::from_utf8(dumped.stdout).unwrap();
        // The lines with a random key, and the lines in the order of the roles' oids (compared
        // below).
        let differ = ["\\restrict ", "\\unrestrict ", "ALTER ROLE "];
        let kept = text
            .lines()
            .filter(|line| !differ.iter().any(|start| line.starts_with(start)));
        let mut all: Vec<_> = kept.map(str::to_owned).collect();
        let tables = self.psql(
            database,
            "SELECT oid::regclass FROM pg_class WHERE relkind IN ('r', 'm') AND relispopulated
                AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
                AND relname NOT LIKE 'many%' ORDER BY oid::regclass::text COLLATE \"C\"",
        );
        for table in tables.lines() {
            all.push(self.psql(
                database,
                &format!("SELECT '{}', count(*), md5(string_agg(t::text, E'\\n' ORDER BY t::text)) FROM ONLY {table} t",
                    table.replace('\'', "''")),
            ));
        }
        for query in [
            "SELECT schemaname, sequencename, last_value, increment_by, cycle FROM pg_sequences ORDER BY 1, 2",
            "SELECT oid, pg_get_userbyid(lomowner), lomacl, md5(lo_get(oid)) FROM pg_largeobject_metadata ORDER BY 1",
            "SELECT coalesce(pg_get_userbyid(nullif(setrole, 0)), '-'), setconfig FROM pg_db_role_setting
                WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY 1",
            "SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datlocprovider, datcollate, datctype,
                daticulocale, datconnlimit, datistemplate, datacl, shobj_description(oid, 'pg_database')
                FROM pg_database WHERE datname = current_database()",
            "SELECT spcname FROM pg_database d JOIN pg_tablespace t ON t.oid = dattablespace
                WHERE datname = current_database()",
        ] {
            all.push(self.psql(database, query));
        }
        all.join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
