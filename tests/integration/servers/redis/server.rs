//! A Redis server for one test: in a temporary directory, on a private Unix socket, as an
//! unprivileged user. Dropping it removes it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::servers::{give_to, start_server, unprivileged};

/// Keys of every type, in each encoding that Redis 7 has, two databases, and a function.
const EVERYTHING: &str = r##"
SET plain hello
SET number 12345
SET negative -7
SET expiring soon PXAT 4102444800123
SET "name with\nbreak and \xff" "v\x00\xff\r\n"
SET -5 "a name that is a number"
RPUSH list a b c 1 2 3
SADD set a b c
SADD numbers 1 2 70000
ZADD sorted 1 a 2.5 b inf c -inf d
HSET hash f v g w
EXPIREAT hash 4102444801
XADD stream 1-1 a b
XADD stream 1-2 a c
XADD stream 1-3 a d
XDEL stream 1-2
XGROUP CREATE stream group 0
XREADGROUP GROUP group consumer COUNT 1 STREAMS stream >
PFADD counted a b c d
SETBIT bits 1000 1
GEOADD places 13.361389 38.115556 Palermo
EVAL "for i=1,2000 do redis.call('HSET','big hash','f'..i,string.rep('v',i%50)); redis.call('RPUSH','big list',i); redis.call('SADD','big set','m'..i); redis.call('ZADD','big sorted',i,'z'..i); redis.call('XADD','big stream',i..'-1','f',i) end" 0
EVAL "redis.call('SET','huge',string.rep('abcdefgh',500000)); redis.call('SET',string.rep('long name ',100),'x'); redis.call('RPUSH', 'list of long', string.rep('y', 100000))" 0
SELECT 3
SET three 3
SELECT 0
FUNCTION LOAD "#!lua name=mylib\nredis.register_function('f', function() return 'hi' end)"
"##;

pub(crate) struct Server {
    place: TempDir,
    options: Vec<String>,
    process: Option<Child>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Server::start_with("")
    }

    /// Starts a server with more options, separated by blanks.
    pub(crate) fn start_with(options: &str) -> Self {
        let place = tempfile::Builder::new().prefix("redis-").tempdir().unwrap();
        give_to("redis", place.path());
        let mut server = Server {
            place,
            options: options.split_whitespace().map(str::to_owned).collect(),
            process: None,
        };
        server.resume();
        server
    }

    /// Starts the server again after [`Server::stop`].
    pub(crate) fn resume(&mut self) {
        let mut command = unprivileged("redis", Path::new("redis-server"));
        command
            .args(["--port", "0", "--save", "", "--enable-debug-command", "yes"])
            .arg("--unixsocket")
            .arg(self.socket())
            .arg("--dir")
            .arg(self.directory())
            // Else every dump takes five seconds longer.
            .args(["--repl-diskless-sync-delay", "0"])
            .args(&self.options)
            .current_dir(self.directory());
        let log = self.directory().join("log");
        let is_ready = || {
            let answer = self.client().arg("INFO").output().unwrap();
            let answer = String::from_utf8_lossy(&answer.stdout).into_owned();
            answer.contains("loading:0") || answer.contains("NOAUTH")
        };
        self.process = Some(start_server(&mut command, &log, is_ready));
    }

    /// Kills the server at once, as in a crash.
    pub(crate) fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.as_ref().unwrap().id()
    }

    pub(crate) fn directory(&self) -> &Path {
        self.place.path()
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory().join("s")
    }

    pub(crate) fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    pub(crate) fn url_as(&self, user: &str) -> String {
        format!("redis+unix://{user}@{}", self.socket().display())
    }

    pub(crate) fn client(&self) -> Command {
        let mut command = Command::new("redis-cli");
        command.arg("-s").arg(self.socket()).stdin(Stdio::null());
        command
    }

    pub(crate) fn try_run(&self, line: &str) -> Output {
        let mut client = self.client();
        let mut child = client
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(line.as_bytes()).unwrap();
        drop(stdin);
        child.wait_with_output().unwrap()
    }

    /// Runs commands, one a line, and returns what they print.
    #[track_caller]
    pub(crate) fn run(&self, lines: &str) -> String {
        let output = self.try_run(lines);
        let printed = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let wrong = |line: &str| {
            ["ERR ", "NOPERM", "NOAUTH"]
                .iter()
                .any(|e| line.starts_with(e))
        };
        assert!(!printed.lines().any(wrong), "{lines}: {output:?}");
        printed
    }

    /// Writes the server's file. The child of a dump that has just ended may still be in the way.
    #[track_caller]
    pub(crate) fn save(&self) {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let output = self.try_run("SAVE");
            if output.stdout.starts_with(b"OK") {
                return;
            }
            assert!(Instant::now() < end, "{output:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Fills the server with keys of every type.
    pub(crate) fn fill(&self) {
        self.run(EVERYTHING);
    }

    /// Returns everything in the server: a hash of all keys and values, the number of keys, the
    /// times of expiry and the functions.
    pub(crate) fn everything(&self) -> String {
        let keyspace = self.run("INFO keyspace");
        let counts = keyspace
            .lines()
            .filter_map(|line| line.split(",avg_ttl").next());
        let counts: Vec<_> = counts.collect();
        [
            self.run("DEBUG DIGEST"),
            counts.join("\n"),
            self.run("PEXPIRETIME expiring\nPEXPIRETIME hash"),
            self.run("XINFO STREAM stream FULL"),
            self.run("FUNCTION LIST WITHCODE"),
        ]
        .join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
