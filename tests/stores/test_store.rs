//! Each kind of destination, and what it holds, seen past the program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::object_server::{self, ObjectServer, Vendor};
use crate::seaweed::{self, Seaweed};
use crate::ssh::Ssh;
use crate::support::{Env, Run, names};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreKind {
    Directory,
    S3,
    Sftp,
    Webdav,
    Google,
    Azure,
    /// S3 as Garage has it.
    Garage,
}

impl StoreKind {
    /// The object store of the long form of the tests that has it.
    fn vendor(self) -> Option<Vendor> {
        match self {
            StoreKind::Google => Some(Vendor::Google),
            StoreKind::Azure => Some(Vendor::Microsoft),
            StoreKind::Garage => Some(Vendor::Garage),
            _ => None,
        }
    }
}

/// Returns each kind of destination; those whose servers take long to install, in the long form alone.
pub(crate) fn all() -> Vec<StoreKind> {
    let mut all = vec![
        StoreKind::Directory,
        StoreKind::S3,
        StoreKind::Sftp,
        StoreKind::Webdav,
    ];
    if is_long() {
        all.extend([StoreKind::Google, StoreKind::Azure, StoreKind::Garage]);
    }
    all
}

/// Returns true in the long form of the tests: tests/stores/run --all.
pub(crate) fn is_long() -> bool {
    std::env::var_os("DUMP_DATABASE_TESTS").is_some_and(|value| value == "all")
}

/// A destination of a test's own, with a database whose dumps are copied there.
pub(crate) struct TestStore {
    pub(crate) env: Env,
    pub(crate) url: String,
    kind: StoreKind,
    /// Where it is for the server: a bucket and prefix, or a directory.
    root: String,
}

impl TestStore {
    /// With the machine's name `web`.
    pub(crate) fn new(kind: StoreKind) -> Self {
        let env = Env::with_database();
        let stored = env.path("stored").display().to_string();
        let (url, root) = match kind {
            StoreKind::Directory => (stored.clone(), stored),
            StoreKind::Sftp => (Ssh::shared().url(&PathBuf::from(&stored)), stored),
            StoreKind::S3 => {
                let bucket = Seaweed::shared().bucket();
                (
                    format!("s3://{bucket}/all/the.copies"),
                    format!("{bucket}/all/the.copies"),
                )
            }
            StoreKind::Google | StoreKind::Azure | StoreKind::Garage => {
                let (vendor, scheme) = match kind {
                    StoreKind::Google => (Vendor::Google, "gs"),
                    StoreKind::Azure => (Vendor::Microsoft, "az"),
                    _ => (Vendor::Garage, "s3"),
                };
                let root = format!("{}/all/the.copies", ObjectServer::shared(vendor).bucket());
                (format!("{scheme}://{root}"), root)
            }
            StoreKind::Webdav => {
                let server = Seaweed::shared();
                let root = format!("{}/all/the.copies", server.bucket());
                let port = server.webdav();
                (format!("webdav://127.0.0.1:{port}/buckets/{root}"), root)
            }
        };
        TestStore {
            env,
            url,
            kind,
            root,
        }
    }

    /// Dumps `db.sqlite` with the database's next change, so that no two dumps are the same.
    pub(crate) fn dump(&self) -> PathBuf {
        let db = rusqlite::Connection::open(self.env.path("db.sqlite")).unwrap();
        db.execute("INSERT INTO person (name) VALUES (hex(randomblob(16)))", ())
            .unwrap();
        drop(db);
        self.env.dump("db.sqlite")
    }

    /// The program with blank-separated arguments, and what it must know of the store.
    pub(crate) fn program(&self, args: &str) -> Command {
        let mut command = self.env.program(args);
        command
            .env("DUMP_DATABASE_STATE", self.env.path("state"))
            .env("DUMP_DATABASE_HOST", "web")
            .env("AWS_ACCESS_KEY_ID", seaweed::ID)
            .env("AWS_SECRET_ACCESS_KEY", seaweed::SECRET)
            .env("TMPDIR", self.env.root());
        match self.kind {
            StoreKind::S3 => command.env("AWS_ENDPOINT_URL", Seaweed::shared().endpoint()),
            StoreKind::Sftp => command
                .env("PATH", Ssh::shared().path())
                .env("HOME", self.env.root()),
            StoreKind::Google => {
                let emulator = ObjectServer::shared(Vendor::Google);
                command.env("STORAGE_EMULATOR_HOST", emulator.endpoint())
            }
            StoreKind::Azure => {
                let emulator = ObjectServer::shared(Vendor::Microsoft);
                command
                    .env("AZURE_STORAGE_ACCOUNT", object_server::ACCOUNT)
                    .env("AZURE_STORAGE_KEY", object_server::KEY)
                    .env("AZURE_STORAGE_SERVICE_ENDPOINT", emulator.endpoint())
            }
            StoreKind::Garage => command
                .env("AWS_ACCESS_KEY_ID", object_server::GARAGE_ID)
                .env("AWS_SECRET_ACCESS_KEY", object_server::GARAGE_SECRET)
                .env("AWS_REGION", object_server::GARAGE_REGION)
                .env(
                    "AWS_ENDPOINT_URL",
                    ObjectServer::shared(Vendor::Garage).endpoint(),
                ),
            StoreKind::Directory | StoreKind::Webdav => &mut command,
        };
        command
    }

    /// The program with blank-separated arguments; the destination's URL stands for `@`.
    pub(crate) fn command_on(&self, args: &str) -> Command {
        let mut command = self.program("");
        for arg in args.split_whitespace() {
            command.arg(if arg == "@" { &self.url } else { arg });
        }
        command
    }

    /// The port of the destination's server.
    pub(crate) fn port(&self) -> u16 {
        match self.kind {
            StoreKind::S3 => Seaweed::shared().s3(),
            StoreKind::Webdav => Seaweed::shared().webdav(),
            StoreKind::Sftp => Ssh::shared().port(),
            kind => {
                let vendor = kind.vendor().expect("a directory has no server");
                ObjectServer::shared(vendor).port
            }
        }
    }

    /// As [`TestStore::command_on`], over another port.
    pub(crate) fn through(&self, args: &str, port: u16) -> Command {
        let url = self
            .url
            .replace(&format!(":{}", self.port()), &format!(":{port}"));
        let mut command = self.command_on(&args.replace('@', &url));
        let server = format!("http://127.0.0.1:{port}");
        match self.kind {
            StoreKind::S3 | StoreKind::Garage => command.env("AWS_ENDPOINT_URL", server),
            StoreKind::Google => command.env("STORAGE_EMULATOR_HOST", server),
            StoreKind::Azure => command.env(
                "AZURE_STORAGE_SERVICE_ENDPOINT",
                format!("{server}/{}", object_server::ACCOUNT),
            ),
            StoreKind::Directory | StoreKind::Sftp | StoreKind::Webdav => &mut command,
        };
        command
    }

    /// As [`TestStore::command_on`], with a clock that is so far off, such as `+5m`.
    pub(crate) fn at_another_time(&self, args: &str, offset: &str) -> Command {
        let inner = self.command_on(args);
        let mut command = self.env.command("faketime");
        command
            .args(["-f", offset])
            .arg(inner.get_program())
            .args(inner.get_args());
        for (name, value) in inner.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        command
    }

    /// Runs it.
    pub(crate) fn run(&self, args: &str) -> Run {
        Run::finish(&mut self.program(args))
    }

    /// Copies and returns the URLs it printed.
    pub(crate) fn copy(&self, args: &str) -> Vec<String> {
        let mut command = self.program("copy dump --to");
        command.arg(&self.url).args(args.split_whitespace());
        let run = Run::finish(&mut command).succeeds();
        run.stdout.lines().map(str::to_owned).collect()
    }

    /// Runs a command on the destination, whose URL stands for `@`, or on a copy.
    pub(crate) fn on(&self, args: &str) -> Run {
        Run::finish(&mut self.command_on(args))
    }

    /// The paths of everything that is stored, sorted.
    pub(crate) fn stored(&self) -> Vec<String> {
        let mut all = match self.kind {
            StoreKind::S3 | StoreKind::Webdav => Seaweed::shared().list(&self.root),
            StoreKind::Directory | StoreKind::Sftp => list_below(&PathBuf::from(&self.root)),
            _ => self.server().list(&self.root),
        };
        for path in &mut all {
            *path = path
                .strip_prefix(&format!("{}/", self.root))
                .unwrap()
                .to_owned();
        }
        all.sort();
        all
    }

    /// The object store of the long form of the tests that this destination is in.
    fn server(&self) -> &'static ObjectServer {
        ObjectServer::shared(self.kind.vendor().expect("another server has it"))
    }

    fn raw(&self, path: &str) -> String {
        format!("{}/{path}", self.root)
    }

    pub(crate) fn read(&self, path: &str) -> Vec<u8> {
        match self.kind {
            StoreKind::S3 | StoreKind::Webdav => Seaweed::shared().get(&self.raw(path)),
            StoreKind::Directory | StoreKind::Sftp => fs::read(self.raw(path)).unwrap(),
            _ => self.server().get(&self.raw(path)),
        }
    }

    pub(crate) fn write(&self, path: &str, content: &[u8]) {
        let is_file = matches!(self.kind, StoreKind::Directory | StoreKind::Sftp);
        // What a store says of a file's sums is not kept for another content.
        if !is_file {
            self.remove(path);
        }
        match self.kind {
            StoreKind::S3 | StoreKind::Webdav => {
                assert!(Seaweed::shared().put(&self.raw(path), content));
            }
            StoreKind::Directory | StoreKind::Sftp => fs::write(self.raw(path), content).unwrap(),
            _ => self.server().put(&self.raw(path), content),
        }
    }

    pub(crate) fn remove(&self, path: &str) {
        match self.kind {
            StoreKind::S3 | StoreKind::Webdav => Seaweed::shared().remove(&self.raw(path)),
            StoreKind::Directory | StoreKind::Sftp => fs::remove_file(self.raw(path)).unwrap(),
            _ => self.server().remove(&self.raw(path)),
        }
    }

    /// Waits until no `ssh` of this test is left: it must end with the program, also with a killed one.
    #[track_caller]
    pub(crate) fn assert_no_connection_is_left(&self) {
        let home = format!("HOME={}\0", self.env.root().display());
        let is_left = |process: &String| {
            let name = fs::read_to_string(format!("/proc/{process}/comm"));
            let environment = fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
            name.is_ok_and(|name| name == "ssh\n")
                && String::from_utf8_lossy(&environment).contains(&home)
        };
        let give_up = Instant::now() + Duration::from_secs(10);
        while let Some(process) = names(Path::new("/proc")).iter().find(|name| is_left(name)) {
            assert!(Instant::now() < give_up, "ssh goes on as process {process}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The path in the destination of the copy that has this URL.
    pub(crate) fn path_of(&self, url: &str) -> String {
        url.strip_prefix(&format!("{}/", self.url))
            .unwrap()
            .to_owned()
    }
}

fn list_below(directory: &std::path::Path) -> Vec<String> {
    let paths = names(directory)
        .into_iter()
        .map(|name| directory.join(name));
    paths
        .flat_map(|path| {
            if path.is_dir() {
                list_below(&path)
            } else {
                vec![path.display().to_string()]
            }
        })
        .collect()
}
