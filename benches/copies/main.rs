//! Compares copies with what people use instead, side by side against one SeaweedFS on this machine:
//! `rclone copy`, and `age | rclone rcat` for encrypted copies; downloading with rclone and restoring the
//! file. Then a bucket of a fleet: `status` and `list` of many copies.
//!
//! `PATH=$PWD/target/stores/bin:$PATH cargo bench --features isal --bench copies`, with rclone and age. The
//! rounds alternate, so that other work of the machine affects all of them alike; the figures are medians.
//! `COPIES_MB` (1024) says the size of all dumps, `COPIES_FLEET` (100000) the number of copies; 0 leaves that part
//! out.

#[allow(dead_code, reason = "shared with the tests")]
#[path = "../../tests/stores/proxy.rs"]
mod proxy;
#[allow(dead_code, reason = "shared with the tests")]
#[path = "../../tests/stores/seaweed.rs"]
mod seaweed;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use opendal::{HttpTransporter, Operator};
use proxy::{Fault, Proxy};
use seaweed::{ID, SECRET, Seaweed};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_dump-database");
const ROUNDS: usize = 5;
const DATABASES: usize = 4;
/// Of the fleet.
const HOSTS: usize = 200;
const DATABASES_OF_HOST: usize = 5;

fn main() {
    // `cargo test --benches` does not ask for a measurement.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let server = Seaweed::start();
    let bench = Bench::new(&server);
    if number("COPIES_MB", 1024) > 0 {
        bench.uploads();
        bench.restores();
    }
    if number("COPIES_FLEET", 100_000) > 0 {
        bench.fleet();
    }
}

struct Bench<'a> {
    server: &'a Seaweed,
    work: TempDir,
    recipient: String,
}

/// What a round took: seconds, and the most memory in MiB, where it is one process.
type Took = (f64, Option<u64>);

impl<'a> Bench<'a> {
    fn new(server: &'a Seaweed) -> Self {
        let work = tempfile::tempdir().unwrap();
        let bytes = number("COPIES_MB", 1024) * 1_000_000 / DATABASES;
        for database in 0..DATABASES {
            let file = work.path().join(format!("db{database}.sqlite"));
            let db = rusqlite::Connection::open(&file).unwrap();
            db.execute("CREATE TABLE noise (block BLOB)", ()).unwrap();
            for _ in 0..bytes.div_ceil(1 << 20) {
                db.execute("INSERT INTO noise VALUES (randomblob(1 << 20))", ())
                    .unwrap();
            }
            drop(db);
            let mut dump = Command::new(PROGRAM);
            dump.args(["dump", "--compress", "zstd:1", "--to"])
                .arg(work.path().join("dumps"))
                .arg(&file);
            run(&mut dump);
        }
        run(Command::new("age-keygen")
            .arg("-o")
            .arg(work.path().join("key")));
        let key = fs::read_to_string(work.path().join("key")).unwrap();
        let public = key
            .lines()
            .find_map(|line| line.strip_prefix("# public key: "));
        Bench {
            server,
            recipient: public.unwrap().to_owned(),
            work,
        }
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.work.path())
            .env("AWS_ACCESS_KEY_ID", ID)
            .env("AWS_SECRET_ACCESS_KEY", SECRET)
            .env("AWS_ENDPOINT_URL", self.server.endpoint())
            .env("DUMP_DATABASE_STATE", self.work.path().join("state"))
            .env("DUMP_DATABASE_HOST", "web")
            .env("TMPDIR", self.work.path())
            .env("RCLONE_S3_PROVIDER", "Other")
            .env("RCLONE_S3_ENDPOINT", self.server.endpoint())
            .env("RCLONE_S3_ACCESS_KEY_ID", ID)
            .env("RCLONE_S3_SECRET_ACCESS_KEY", SECRET)
            .env("RCLONE_CONFIG", "/dev/null")
            // rclone fails where its transport is to have other certificates.
            .env_remove("AWS_CA_BUNDLE");
        command
    }

    fn ours(&self, args: &[&str]) -> Took {
        took(self.command(PROGRAM).args(args))
    }

    fn shell(&self, script: &str) -> Took {
        let (seconds, _) = took(self.command("sh").args(["-ec", script]));
        (seconds, None)
    }

    fn uploads(&self) {
        let mut rounds: [Vec<Took>; 4] = Default::default();
        for _ in 0..ROUNDS {
            let [plain, with_rclone, encrypted, with_age] = [(); 4].map(|()| self.server.bucket());
            let recipient = &self.recipient;
            rounds[0].push(self.ours(&["copy", "dumps", "--to", &format!("s3://{plain}")]));
            let dumps = "--include '*.zst'";
            rounds[1].push(self.shell(&format!("rclone copy {dumps} dumps :s3:{with_rclone}")));
            let to = format!("s3://{encrypted}");
            rounds[2].push(self.ours(&["copy", "dumps", "--to", &to, "--recipient", recipient]));
            rounds[3].push(self.shell(&format!(
                "for file in dumps/*.zst; do age -r {recipient} $file | rclone rcat :s3:{with_age}/$file.age; done"
            )));
        }
        let [plain, with_rclone, encrypted, with_age] = rounds.map(median);
        compare("copy", plain, "rclone copy", with_rclone);
        compare("copy --recipient", encrypted, "age | rclone rcat", with_age);
    }

    fn restores(&self) {
        let bucket = self.server.bucket();
        let from = format!("s3://{bucket}");
        self.ours(&["copy", "dumps", "--to", &from]);
        let mut rounds: [Vec<Took>; 2] = Default::default();
        for _ in 0..ROUNDS {
            rounds[0].push(self.ours(&["restore", &from, "--name", "db0", "new.sqlite"]));
            fs::remove_file(self.work.path().join("new.sqlite")).unwrap();
            rounds[1].push(self.shell(&format!(
                "rclone copy --include '*.zst' :s3:{bucket}/web/db0 got; {PROGRAM} restore got/*.zst new.sqlite; rm -r got new.sqlite"
            )));
        }
        let [ours, with_rclone] = rounds.map(median);
        compare("restore s3://", ours, "rclone copy, restore", with_rclone);
    }

    fn fleet(&self) {
        let copies = number("COPIES_FLEET", 100_000);
        let bucket = self.server.bucket();
        let began = Instant::now();
        store_fleet(self.server, &bucket, copies / HOSTS / DATABASES_OF_HOST);
        let seconds = began.elapsed().as_secs_f64();
        println!("{HOSTS} hosts, {copies} copies, stored in {seconds:.0} s");
        let url = format!("s3://{bucket}");
        for args in [
            ["status", &url, "--max-age=87600h"].as_slice(),
            &["list", &url],
        ] {
            let mut all: Vec<Took> = Vec::new();
            for _ in 0..3 {
                let mut command = self.command(PROGRAM);
                command.env_remove("DUMP_DATABASE_HOST").args(args);
                all.push(took(&mut command));
            }
            let proxy = Proxy::start(self.server.s3());
            proxy.rule(|_| Fault::None);
            let mut command = self.command(PROGRAM);
            command.env_remove("DUMP_DATABASE_HOST").args(args);
            let endpoint = format!("http://127.0.0.1:{}", proxy.port());
            took(command.env("AWS_ENDPOINT_URL", endpoint));
            let (seconds, memory) = median(all);
            let requests = proxy.requests().len();
            let memory = memory.unwrap_or_default();
            println!(
                "{}: {seconds:.2} s, {memory} MiB, {requests} requests",
                args[0]
            );
        }
    }
}

/// Stores copies and their sidecars, past the program: only names and sidecars are read.
fn store_fleet(server: &Seaweed, bucket: &str, of_each: usize) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let transport = opendal_http_transport_reqwest::ReqwestTransport::default();
    HttpTransporter::install_default(transport);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _within = runtime.enter();
    let s3 = opendal::services::S3::default()
        .bucket(bucket)
        .endpoint(&server.endpoint())
        .region("us-east-1")
        .access_key_id(ID)
        .secret_access_key(SECRET);
    let operator = Operator::new(s3).unwrap();
    let copies = (0..HOSTS).flat_map(|host| {
        (0..DATABASES_OF_HOST).flat_map(move |database| {
            (0..of_each).map(move |copy| {
                let (hour, minute) = (copy / 60 % 24, copy % 60);
                let day = 1 + copy / 1440;
                let time = format!("202611{day:02}T{hour:02}{minute:02}00Z");
                let iso = format!("2026-11-{day:02}T{hour:02}:{minute:02}:00Z");
                let name = format!("db{database}-{time}.sqlite.gz.age");
                (format!("host{host:03}/db{database}/{name}"), name, iso)
            })
        })
    });
    runtime.block_on(
        stream::iter(copies).for_each_concurrent(48, |(path, name, time)| {
            let operator = operator.clone();
            async move {
                let sidecar = serde_json::json!({
                    "tool": "bench", "copy": name, "bytes": 1, "time": time, "kind": "regular",
                    "sha256": "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881",
                    "identity": "0b94b23f9a5a2b8a3e4f3c4d0a9c1e5b7d6f8a9b0c1d2e3f405162738495a6b7",
                });
                operator.write(&path, "x").await.unwrap();
                let path = format!("{path}.copy.json");
                operator.write(&path, sidecar.to_string()).await.unwrap();
            }
        }),
    );
}

fn number(name: &str, default: usize) -> usize {
    let given = std::env::var(name).ok();
    given.map_or(default, |text| text.parse().expect(name))
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
}

/// Runs a command. Returns what it took.
fn took(command: &mut Command) -> Took {
    let began = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .env("DUMP_DATABASE_LOG", "error")
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    let ended = loop {
        most = most.max(peak(Path::new(&status)));
        match child.try_wait().unwrap() {
            Some(ended) => break ended,
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    };
    assert!(ended.success(), "{command:?}");
    (began.elapsed().as_secs_f64(), Some(most >> 10))
}

/// Returns the most memory that a process used, in KiB.
fn peak(status: &Path) -> u64 {
    let text = fs::read_to_string(status).unwrap_or_default();
    let most = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    most.and_then(|text| text.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0)
}

fn median(mut rounds: Vec<Took>) -> Took {
    rounds.sort_by(|a, b| a.0.total_cmp(&b.0));
    let memory = rounds.iter().filter_map(|(_, memory)| *memory).max();
    (rounds[rounds.len() / 2].0, memory)
}

fn compare(name: &str, (seconds, memory): Took, other: &str, (others, _): Took) {
    let memory = memory.unwrap_or_default();
    println!(
        "{name}: {seconds:.2} s, {memory} MiB; {other}: {others:.2} s; {:.2} of its time",
        seconds / others
    );
}
