//! `SeaweedFS` as an object store on loopback, in a temporary directory.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub(crate) const ID: &str = "copier";
pub(crate) const SECRET: &str = "s3cretOfTheCopier";
/// May list and read alone.
pub(crate) const READER: &str = "reader";
pub(crate) const READER_SECRET: &str = "s3cretOfTheReader";

pub(crate) struct Seaweed {
    directory: TempDir,
    /// Of the master, the volumes, the filer, S3 and WebDAV.
    ports: [u16; 5],
    process: Option<Child>,
}

impl Seaweed {
    /// Starts a server. It ends with the thread that starts it.
    pub(crate) fn start() -> Self {
        let directory = tempfile::Builder::new().prefix("weed-").tempdir().unwrap();
        let identity = |name: &str, secret: &str, actions: &str| {
            format!(
                r#"{{"name":"{name}","credentials":[{{"accessKey":"{name}","secretKey":"{secret}"}}],"actions":[{actions}]}}"#
            )
        };
        let config = format!(
            r#"{{"identities":[{},{}]}}"#,
            identity(ID, SECRET, r#""Admin","Read","List","Tagging","Write""#),
            identity(READER, READER_SECRET, r#""Read","List""#)
        );
        fs::write(directory.path().join("s3.json"), config).unwrap();
        // The server uses each port plus 10000 as well.
        let ports = [(); 5].map(|()| {
            loop {
                let port = TcpListener::bind("127.0.0.1:0")
                    .unwrap()
                    .local_addr()
                    .unwrap()
                    .port();
                if (20_000..50_000).contains(&port)
                    && TcpListener::bind(("127.0.0.1", port + 10_000)).is_ok()
                {
                    break port;
                }
            }
        });
        let mut server = Seaweed {
            directory,
            ports,
            process: None,
        };
        server.resume();
        server
    }

    /// The one that tests share. A thread that never ends started it.
    pub(crate) fn shared() -> &'static Seaweed {
        static SHARED: OnceLock<Seaweed> = OnceLock::new();
        SHARED.get_or_init(|| {
            let (give, take) = mpsc::channel();
            std::thread::spawn(move || {
                give.send(Seaweed::start()).unwrap();
                loop {
                    std::thread::park();
                }
            });
            take.recv().unwrap()
        })
    }

    pub(crate) fn resume(&mut self) {
        let [master, volume, filer, s3, webdav] = self.ports;
        let log = fs::File::create(self.directory.path().join("log")).unwrap();
        let process = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "weed"])
            .args([
                "server",
                "-ip=127.0.0.1",
                "-ip.bind=127.0.0.1",
                "-dir=.",
                "-s3",
                "-filer",
                "-webdav",
                "-webdav.cacheDir=cache",
            ])
            .args([
                "-s3.config=s3.json",
                "-master.volumeSizeLimitMB=64",
                "-volume.max=2000",
            ])
            .arg(format!("-master.port={master}"))
            .arg(format!("-volume.port={volume}"))
            .arg(format!("-filer.port={filer}"))
            .arg(format!("-s3.port={s3}"))
            .arg(format!("-webdav.port={webdav}"))
            .args([
                "-s3.port.iceberg=0",
                "-s3.port.lance=0",
                "-master.electionTimeout=1s",
            ])
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("setpriv is there, and weed: tests/stores/run installs it");
        self.process = Some(process);
        let give_up = Instant::now() + Duration::from_secs(90);
        while !self.is_ready() {
            let log = fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
            assert!(Instant::now() < give_up, "SeaweedFS does not start: {log}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn is_ready(&self) -> bool {
        let is_open = |port: u16| TcpStream::connect(("127.0.0.1", port)).is_ok();
        is_open(self.s3()) && is_open(self.webdav()) && self.put("ready/ready", b"x")
    }

    pub(crate) fn kill(&mut self) {
        let mut process = self.process.take().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    pub(crate) fn s3(&self) -> u16 {
        self.ports[3]
    }

    pub(crate) fn webdav(&self) -> u16 {
        self.ports[4]
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[3])
    }

    /// Makes a bucket and returns its name.
    pub(crate) fn bucket(&self) -> String {
        let name = tempfile::Builder::new()
            .prefix("")
            .rand_bytes(12)
            .tempdir()
            .unwrap();
        let name = name
            .path()
            .file_name()
            .unwrap()
            .to_string_lossy()
            .to_lowercase();
        let name = format!("b{name}");
        let made = self.curl(&["-X", "POST"], &format!("{name}/"));
        assert!(made.status.success(), "{made:?}");
        name
    }

    fn curl(&self, args: &[&str], path: &str) -> std::process::Output {
        // As a URL has it: a name with %2F in it is a name with %252F.
        let path = path.replace('%', "%25").replace('@', "%40");
        let url = format!("http://127.0.0.1:{}/buckets/{path}", self.ports[2]);
        let mut command = Command::new("curl");
        command
            .args(["-s", "-f", "-g", "--max-time", "20"])
            .args(args)
            .arg(url)
            .output()
            .unwrap()
    }

    /// Stores a file as it is, past S3.
    pub(crate) fn put(&self, path: &str, content: &[u8]) -> bool {
        let file = self.scratch();
        fs::write(&file, content).unwrap();
        let form = format!("file=@{}", file.display());
        let done = self.curl(&["-F", &form], path).status.success();
        fs::remove_file(file).unwrap();
        done
    }

    fn scratch(&self) -> PathBuf {
        let file = tempfile::NamedTempFile::new_in(self.directory.path()).unwrap();
        file.into_temp_path().keep().unwrap()
    }

    /// Reads a file past S3.
    pub(crate) fn get(&self, path: &str) -> Vec<u8> {
        let got = self.curl(&[], path);
        assert!(got.status.success(), "{path}: {got:?}");
        got.stdout
    }

    pub(crate) fn remove(&self, path: &str) {
        let removed = self.curl(&["-X", "DELETE"], path);
        assert!(removed.status.success(), "{path}: {removed:?}");
    }

    /// The paths of all files below a folder.
    pub(crate) fn list(&self, folder: &str) -> Vec<String> {
        let got = self.curl(
            &["-H", "Accept: application/json"],
            &format!("{folder}/?limit=10000"),
        );
        if !got.status.success() {
            return Vec::new();
        }
        let listed: serde_json::Value = serde_json::from_slice(&got.stdout).unwrap();
        let mut paths = Vec::new();
        for entry in listed["Entries"].as_array().into_iter().flatten() {
            let path = entry["FullPath"]
                .as_str()
                .unwrap()
                .strip_prefix("/buckets/")
                .unwrap();
            // A directory, by Go's mode bits.
            if entry["Mode"].as_u64().unwrap() & (1 << 31) == 0 {
                paths.push(path.to_owned());
            } else if !path.ends_with("/.uploads") {
                paths.extend(self.list(path));
            }
        }
        paths
    }
}

impl Drop for Seaweed {
    fn drop(&mut self) {
        if self.process.is_some() {
            self.kill();
        }
    }
}
