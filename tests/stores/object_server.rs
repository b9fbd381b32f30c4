//! Object stores for the long form of the tests: Garage, and emulators of Google's and Microsoft's.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures_util::TryStreamExt;
use hmac::{Hmac, KeyInit, Mac};
use opendal::options::{ListOptions, WriteOptions};
use opendal::{HttpTransporter, Operator};
use tempfile::TempDir;

/// Azurite's account, which its documentation names.
pub(crate) const ACCOUNT: &str = "devstoreaccount1";
pub(crate) const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// Garage's key, which it makes when it starts.
pub(crate) const GARAGE_ID: &str = "GK0123456789abcdef01234567";
pub(crate) const GARAGE_SECRET: &str =
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// Garage's bucket, which it makes as well, and its region.
const BUCKET: &str = "backup";
pub(crate) const GARAGE_REGION: &str = "garage";

/// Whose store it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Vendor {
    Google,
    Microsoft,
    Garage,
}

pub(crate) struct ObjectServer {
    vendor: Vendor,
    pub(crate) port: u16,
    /// Another port of Garage, for its own network.
    other_port: u16,
    directory: TempDir,
    process: Option<Child>,
    runtime: tokio::runtime::Runtime,
}

impl ObjectServer {
    /// The one of a vendor that tests share. A thread that never ends started it.
    pub(crate) fn shared(vendor: Vendor) -> &'static ObjectServer {
        static GOOGLE: OnceLock<ObjectServer> = OnceLock::new();
        static MICROSOFT: OnceLock<ObjectServer> = OnceLock::new();
        static GARAGE: OnceLock<ObjectServer> = OnceLock::new();
        let shared = match vendor {
            Vendor::Google => &GOOGLE,
            Vendor::Microsoft => &MICROSOFT,
            Vendor::Garage => &GARAGE,
        };
        shared.get_or_init(|| {
            let (give, take) = mpsc::channel();
            std::thread::spawn(move || {
                give.send(ObjectServer::start(vendor)).ok().unwrap();
                loop {
                    std::thread::park();
                }
            });
            take.recv().unwrap()
        })
    }

    /// Starts a server. It ends with the thread that starts it.
    pub(crate) fn start(vendor: Vendor) -> Self {
        let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [port, other_port] = listeners.map(|listener| listener.local_addr().unwrap().port());
        let _ = rustls::crypto::ring::default_provider().install_default();
        HttpTransporter::install_default(
            opendal_http_transport_reqwest::ReqwestTransport::default(),
        );
        let mut server = ObjectServer {
            vendor,
            port,
            other_port,
            directory: tempfile::tempdir().unwrap(),
            process: None,
            runtime: tokio::runtime::Runtime::new().unwrap(),
        };
        server.resume();
        server
    }

    /// Starts the server again with what it stored before it was killed.
    pub(crate) fn resume(&mut self) {
        let process = self
            .command()
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("setpriv is there, and the server: tests/stores/run --all installs it");
        self.process = Some(process);
        let give_up = Instant::now() + Duration::from_mins(1);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < give_up, "{:?} does not start", self.vendor);
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn command(&self) -> Command {
        let (port, other_port) = (self.port, self.other_port);
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]);
        match self.vendor {
            Vendor::Google => command
                .args(["gcp-storage-emulator", "start", "--host=127.0.0.1"])
                .arg(format!("--port={port}")),
            Vendor::Microsoft => command
                .args([
                    "azurite-blob",
                    "--silent",
                    "--skipApiVersionCheck",
                    "--location",
                    ".",
                ])
                .arg(format!("--blobPort={port}")),
            Vendor::Garage => {
                let config = format!(
                    "metadata_dir = 'meta'\ndata_dir = 'data'\ndb_engine = 'sqlite'\nreplication_factor = 1\n\
                     rpc_bind_addr = '127.0.0.1:{other_port}'\nrpc_secret = '{GARAGE_SECRET}'\n\
                     [s3_api]\ns3_region = '{GARAGE_REGION}'\napi_bind_addr = '127.0.0.1:{port}'\n"
                );
                std::fs::write(self.directory.path().join("garage.toml"), config).unwrap();
                command
                    .args(["garage", "-c", "garage.toml", "server"])
                    .args(["--single-node", "--default-bucket"])
                    .env("GARAGE_DEFAULT_ACCESS_KEY", GARAGE_ID)
                    .env("GARAGE_DEFAULT_SECRET_KEY", GARAGE_SECRET)
                    .env("GARAGE_DEFAULT_BUCKET", BUCKET)
            }
        };
        command
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Where its store is, as the program is told.
    pub(crate) fn endpoint(&self) -> String {
        match self.vendor {
            Vendor::Google | Vendor::Garage => format!("http://127.0.0.1:{}", self.port),
            Vendor::Microsoft => format!("http://127.0.0.1:{}/{ACCOUNT}", self.port),
        }
    }

    /// Makes a bucket and returns its name; in Garage, returns its bucket and a new prefix.
    pub(crate) fn bucket(&self) -> String {
        let mut noise = [0; 8];
        rustix::rand::getrandom(&mut noise, rustix::rand::GetRandomFlags::empty()).unwrap();
        let name = format!("b{:016x}", u64::from_ne_bytes(noise));
        if self.vendor == Vendor::Garage {
            return format!("{BUCKET}/{name}");
        }
        let mut curl = Command::new("curl");
        curl.args(["-s", "-f", "--max-time", "20"]);
        match self.vendor {
            Vendor::Google => curl
                .args(["-H", "Content-Type: application/json", "-d"])
                .arg(format!(r#"{{"name":"{name}"}}"#))
                .arg(format!("{}/storage/v1/b?project=test", self.endpoint())),
            Vendor::Microsoft => {
                let version = "x-ms-version:2020-10-02";
                let date = jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT");
                let date = format!("x-ms-date:{date}");
                let what = format!("/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container");
                let text = format!("PUT\n\n\n\n\n\n\n\n\n\n\n\n{date}\n{version}\n{what}");
                let key = BASE64_STANDARD.decode(KEY).unwrap();
                let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
                mac.update(text.as_bytes());
                let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
                curl.args([
                    "-X",
                    "PUT",
                    "-H",
                    &date,
                    "-H",
                    version,
                    "-H",
                    "Content-Length: 0",
                    "-H",
                ])
                .arg(format!("Authorization: SharedKey {ACCOUNT}:{signature}"))
                .arg(format!("{}/{name}?restype=container", self.endpoint()))
            }
            Vendor::Garage => unreachable!("it has one bucket"),
        };
        let made = curl.output().unwrap();
        assert!(made.status.success(), "{made:?}");
        name
    }

    /// A bucket, past the program.
    fn operator(&self, bucket: &str) -> Operator {
        let endpoint = self.endpoint();
        match self.vendor {
            Vendor::Google => Operator::new(
                opendal::services::Gcs::default()
                    .bucket(bucket)
                    .endpoint(&endpoint)
                    .skip_signature(),
            ),
            Vendor::Microsoft => Operator::new(
                opendal::services::Azblob::default()
                    .container(bucket)
                    .endpoint(&endpoint)
                    .account_name(ACCOUNT)
                    .account_key(KEY),
            ),
            Vendor::Garage => Operator::new(
                opendal::services::S3::default()
                    .bucket(bucket)
                    .endpoint(&endpoint)
                    .region(GARAGE_REGION)
                    .access_key_id(GARAGE_ID)
                    .secret_access_key(GARAGE_SECRET),
            ),
        }
        .unwrap()
    }

    fn at<'a>(&self, path: &'a str) -> (Operator, &'a str) {
        let (bucket, path) = path.split_once('/').unwrap();
        let _within = self.runtime.enter();
        (self.operator(bucket), path)
    }

    /// Stores a file past the program, where there is none; its path begins with the bucket.
    pub(crate) fn put(&self, path: &str, content: &[u8]) {
        let (operator, path) = self.at(path);
        // In one session, which the emulator of Google's store answers as Google does.
        let options = WriteOptions {
            if_not_exists: true,
            ..WriteOptions::default()
        };
        let written = operator.write_options(path, content.to_vec(), options);
        self.runtime.block_on(written).unwrap();
    }

    pub(crate) fn get(&self, path: &str) -> Vec<u8> {
        let (operator, path) = self.at(path);
        self.runtime.block_on(operator.read(path)).unwrap().to_vec()
    }

    pub(crate) fn remove(&self, path: &str) {
        let (operator, path) = self.at(path);
        self.runtime.block_on(operator.delete(path)).unwrap();
    }

    /// The paths of all files below a folder.
    pub(crate) fn list(&self, folder: &str) -> Vec<String> {
        let (operator, path) = self.at(folder);
        let bucket = folder.split('/').next().unwrap();
        let options = ListOptions {
            recursive: true,
            ..ListOptions::default()
        };
        let folder = format!("{path}/");
        let listed = self.runtime.block_on(async {
            let entries = operator.lister_options(&folder, options).await?;
            entries.try_collect::<Vec<_>>().await
        });
        let files = listed.unwrap().into_iter();
        files
            .filter(|entry| entry.metadata().is_file())
            .map(|entry| format!("{bucket}/{}", entry.path()))
            .collect()
    }
}

impl Drop for ObjectServer {
    fn drop(&mut self) {
        self.kill();
    }
}
