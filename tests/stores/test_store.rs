//! Each kind of destination, and what it holds, seen past the program.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::seaweed::{self, Seaweed};
use crate::ssh::Ssh;
use crate::support::{Env, Run, names};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreKind {
    Directory,
    S3,
    Sftp,
}

pub(crate) const ALL: [StoreKind; 3] = [StoreKind::Directory, StoreKind::S3, StoreKind::Sftp];

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
            StoreKind::Directory => &mut command,
        };
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
        let mut command = self.program("");
        for arg in args.split_whitespace() {
            command.arg(if arg == "@" { &self.url } else { arg });
        }
        Run::finish(&mut command)
    }

    /// The paths of everything that is stored, sorted.
    pub(crate) fn stored(&self) -> Vec<String> {
        let mut all = match self.kind {
            StoreKind::S3 => Seaweed::shared().list(&self.root),
            StoreKind::Directory | StoreKind::Sftp => list_below(&PathBuf::from(&self.root)),
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

    fn raw(&self, path: &str) -> String {
        format!("{}/{path}", self.root)
    }

    pub(crate) fn read(&self, path: &str) -> Vec<u8> {
        match self.kind {
            StoreKind::S3 => Seaweed::shared().get(&self.raw(path)),
            StoreKind::Directory | StoreKind::Sftp => fs::read(self.raw(path)).unwrap(),
        }
    }

    pub(crate) fn write(&self, path: &str, content: &[u8]) {
        match self.kind {
            StoreKind::S3 => {
                // What S3 says of a file's sums is not kept for another content.
                self.remove(path);
                assert!(Seaweed::shared().put(&self.raw(path), content));
            }
            StoreKind::Directory | StoreKind::Sftp => fs::write(self.raw(path), content).unwrap(),
        }
    }

    pub(crate) fn remove(&self, path: &str) {
        match self.kind {
            StoreKind::S3 => Seaweed::shared().remove(&self.raw(path)),
            StoreKind::Directory | StoreKind::Sftp => fs::remove_file(self.raw(path)).unwrap(),
        }
    }

    /// Ends what a killed program leaves: ssh in the background.
    pub(crate) fn end_connections(&self) {
        let state = self.env.path(".local/state");
        for name in names(&state)
            .iter()
            .filter(|name| name.starts_with(".ssh-connection"))
        {
            let master = state.join(name).join("master");
            let _ = self
                .env
                .command("ssh")
                .arg("-S")
                .arg(master)
                .args(["-O", "exit", "x"])
                .output();
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
