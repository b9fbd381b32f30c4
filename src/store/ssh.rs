//! A session with an SSH server: the machine's own `ssh`, which carries SFTP through two pipes. `ssh` ends when
//! these pipes are closed, so it never outlives this process, whatever ended it.

use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use openssh_sftp_client::{Sftp, SftpOptions};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, Command};
use tokio::task::JoinHandle;

use super::connection::SILENCE;
use super::destination::SftpDirectory;
use super::error::{Reason, StoreError};

/// No question, no second process that stays, and an end within a minute when the server is gone.
const OPTIONS: [&str; 9] = [
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "ControlMaster=no",
    "ControlPath=none",
    "ClearAllForwardings=yes",
    "ConnectTimeout=30",
    "ServerAliveInterval=15",
    "ServerAliveCountMax=3",
    "LogLevel=ERROR",
];
/// The most bytes that are kept of what `ssh` says.
const MOST_SAID: usize = 4 << 10;
/// The time that `ssh` has to say why it ended.
const SAYING: Duration = Duration::from_secs(2);

pub(super) struct Session {
    pub(super) sftp: Sftp,
    /// Killed when dropped.
    _ssh: Child,
}

impl Session {
    /// Logs in.
    ///
    /// # Errors
    /// With what `ssh` says, when it cannot be started or does not reach the server.
    pub(super) async fn begin(
        server: &SftpDirectory,
        key: Option<&str>,
    ) -> Result<Self, StoreError> {
        let mut command = Command::new("ssh");
        command.args(OPTIONS.iter().flat_map(|option| ["-o", option]));
        if let Some(port) = server.port {
            command.arg("-p").arg(port.to_string());
        }
        if let Some(user) = &server.user {
            command.args(["-l", user]);
        }
        if let Some(key) = key {
            command.args(["-o", "IdentitiesOnly=yes", "-i", key]);
        }
        command
            .args(["-s", "--", &server.host, "sftp"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let started = command.spawn();
        let mut ssh = started
            .map_err(|error| make_error(&format!("the program ssh does not start: {error}")))?;
        let streams = (ssh.stdin.take(), ssh.stdout.take(), ssh.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = streams else {
            return Err(make_error("the program ssh has no pipes"));
        };
        let said = Said::listen(stderr);
        let begun = Sftp::new(stdin, stdout, SftpOptions::new());
        match tokio::time::timeout(SILENCE, begun).await {
            Ok(Ok(sftp)) => Ok(Session { sftp, _ssh: ssh }),
            Ok(Err(error)) => Err(match said.read_last_lines().await.as_str() {
                "" => make_error(&format!("ssh ended: {error}")),
                said => make_error(&format!("ssh says: {said}")),
            }),
            Err(_) => Err(make_error("the SSH server does not answer")),
        }
    }
}

/// What `ssh` writes to its standard error, which is read all the time.
struct Said {
    text: Arc<Mutex<Vec<u8>>>,
    listening: JoinHandle<()>,
}

impl Said {
    fn listen(mut stderr: ChildStderr) -> Self {
        let text = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&text);
        let listening = tokio::spawn(async move {
            let mut block = [0; 1024];
            while let Ok(read @ 1..) = stderr.read(&mut block).await {
                let mut kept = kept.lock().expect("no holder panics");
                kept.extend_from_slice(&block[..read]);
                let superfluous = kept.len().saturating_sub(MOST_SAID);
                kept.drain(..superfluous);
            }
        });
        Said { text, listening }
    }

    /// Returns the last two lines in one, after `ssh` ended.
    async fn read_last_lines(self) -> String {
        let _ = tokio::time::timeout(SAYING, self.listening).await;
        let text = self.text.lock().expect("no holder panics");
        let text = String::from_utf8_lossy(&text);
        let lines = text.lines().map(str::trim);
        let lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
        lines[lines.len().saturating_sub(2)..].join("; ")
    }
}

fn make_error(text: &str) -> StoreError {
    StoreError::new(Reason::Other, text)
}
