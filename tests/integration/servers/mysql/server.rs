//! A MariaDB server for one test: in a temporary directory, on a private Unix socket, as an
//! unprivileged user. Dropping it removes it.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use crate::servers::{SmallDisk, give_to, read_printed, start_server, unprivileged};

pub(crate) struct Server {
    place: TempDir,
    /// More options of the server, separated by blanks.
    options: String,
    /// The disk for the server's files; `None` if they have no separate disk.
    disk: Option<SmallDisk>,
    process: Option<Child>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Server::start_with("--skip-networking")
    }

    pub(crate) fn start_with(options: &str) -> Self {
        let mut server = Server::start_in_directory(options);
        server.install();
        server
    }

    /// Starts a server whose files are on a disk of `megabytes` MB; returns `None` if the system
    /// does not allow such a disk.
    pub(crate) fn start_on_disk(megabytes: u32) -> Option<Self> {
        let mut server = Server::start_in_directory("--skip-networking");
        let disk = SmallDisk::at(&server.directory().join("data"), megabytes)?;
        server.disk = Some(disk);
        server.install();
        Some(server)
    }

    fn start_in_directory(options: &str) -> Self {
        let place = tempfile::Builder::new().prefix("my-").tempdir().unwrap();
        give_to("mysql", place.path());
        Server {
            place,
            options: options.to_owned(),
            disk: None,
            process: None,
        }
    }

    fn install(&mut self) {
        let mut install = self.tool("mariadb-install-db");
        install.args(["--auth-root-authentication-method=normal", "--skip-test-db"]);
        let output = install.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        self.resume();
    }

    fn tool(&self, name: &str) -> Command {
        let mut command = unprivileged("mysql", Path::new(name));
        if let Some(disk) = &self.disk {
            command = disk.seen_by(&command);
        }
        let data = self.directory().join("data");
        command
            .arg("--no-defaults")
            .arg(format!("--datadir={}", data.display()))
            // A starting server removes temporary tables of other servers from a shared directory.
            .arg(format!("--tmpdir={}", self.directory().display()))
            .current_dir(self.directory());
        if self.disk.is_some() {
            command.arg("--innodb-log-file-size=4M");
        }
        command
    }

    /// Starts the server again after [`Server::stop`].
    pub(crate) fn resume(&mut self) {
        let mut command = self.tool("mariadbd");
        command
            .arg(format!("--socket={}", self.socket()))
            .args(self.options.split(' '))
            .arg("--innodb-flush-log-at-trx-commit=0")
            .args(["--innodb-buffer-pool-size=32M", "--event-scheduler=OFF"])
            .arg(format!("--pid-file={}/pid", self.directory().display()));
        let log = self.directory().join("log");
        let is_ready = || self.try_sql("", "SELECT 1").status.success();
        self.process = Some(start_server(&mut command, &log, is_ready));
    }

    /// Kills the server at once, as in a crash.
    pub(crate) fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    pub(crate) fn directory(&self) -> &Path {
        self.place.path()
    }

    pub(crate) fn socket(&self) -> String {
        format!("{}/s", self.directory().display())
    }

    /// Returns the URL of a database, whose name must be in the form of a URL; an empty name
    /// stands for the whole server.
    pub(crate) fn url(&self, database: &str) -> String {
        self.url_as("root", database)
    }

    pub(crate) fn url_as(&self, user: &str, database: &str) -> String {
        format!("mariadb://{user}@/{database}?socket={}", self.socket())
    }

    pub(crate) fn client(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .arg("--no-defaults")
            .arg(format!("--socket={}", self.socket()))
            .args(["--user=root", "--default-character-set=utf8mb4"])
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn try_sql(&self, database: &str, sql: &str) -> Output {
        let mut client = self.client("mariadb");
        client.args(["--batch", "--skip-column-names", "--raw", "-e", sql]);
        client.arg(format!("--database={database}"));
        client.output().unwrap()
    }

    /// Returns what a query prints.
    #[track_caller]
    pub(crate) fn sql(&self, database: &str, sql: &str) -> String {
        read_printed(sql, self.try_sql(database, sql))
    }

    #[track_caller]
    pub(crate) fn script(&self, database: &str, script: &str) {
        let path = self.directory().join("script.sql");
        std::fs::write(&path, script).unwrap();
        let mut client = self.client("mariadb");
        client.arg("--binary-mode");
        client.arg(format!("--database={database}"));
        let input = std::fs::File::open(path).unwrap();
        let output = client.stdin(input).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    pub(crate) fn databases(&self) -> String {
        self.sql("", "SHOW DATABASES").replace('\n', " ")
    }

    /// Returns everything in a database: the output of `mariadb-dump` with the history of its
    /// tables, and what that leaves out: checksums and the database's own settings.
    pub(crate) fn read_all(&self, database: &str) -> String {
        let mut dump = self.client("mariadb-dump");
        dump.args([
            "--routines",
            "--events",
            "--triggers",
            "--hex-blob",
            "--dump-history",
        ]);
        dump.args(["--skip-dump-date", "--skip-comments", "--", database]);
        let dumped = dump.output().unwrap();
        let said = String::from_utf8_lossy(&dumped.stderr);
        assert!(dumped.status.success(), "{said}");
        let mut all = vec![String::from_utf8(dumped.stdout).unwrap()];
        let name = database.replace('`', "``");
        let tables = "SELECT table_name FROM information_schema.tables
            WHERE table_schema = DATABASE() AND table_type LIKE '%BASE TABLE%' ORDER BY 1";
        for table in self.sql(database, tables).lines() {
            let table = table.replace('`', "``");
            all.push(self.sql("", &format!("CHECKSUM TABLE `{name}`.`{table}` EXTENDED")));
        }
        for query in [
            "SELECT @@character_set_database, @@collation_database",
            "SELECT schema_comment FROM information_schema.schemata WHERE schema_name = DATABASE()",
            "SELECT table_name, table_type, engine, table_collation, table_comment, create_options, auto_increment
                FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY 1",
            "SELECT * FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position",
            "SELECT routine_name, routine_type, definer, security_type, sql_mode, character_set_client,
                routine_definition, routine_comment FROM information_schema.routines
                WHERE routine_schema = DATABASE() ORDER BY 1",
            "SELECT trigger_name, definer, action_statement, action_order, sql_mode
                FROM information_schema.triggers WHERE trigger_schema = DATABASE() ORDER BY 1",
            "SELECT event_name, definer, event_definition, interval_value, interval_field, status, time_zone,
                on_completion FROM information_schema.events WHERE event_schema = DATABASE() ORDER BY 1",
            "SELECT constraint_name, table_name, referenced_table_name, update_rule, delete_rule
                FROM information_schema.referential_constraints WHERE constraint_schema = DATABASE() ORDER BY 1",
        ] {
            all.push(self.sql(database, query));
        }
        all.join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
