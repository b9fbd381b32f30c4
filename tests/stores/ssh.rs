//! OpenSSH's server on loopback, in a temporary directory, and a client that knows it.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub(crate) struct Ssh {
    directory: TempDir,
    port: u16,
    process: Child,
}

impl Ssh {
    /// The one that tests share. A thread that never ends started it.
    pub(crate) fn shared() -> &'static Ssh {
        static SHARED: OnceLock<Ssh> = OnceLock::new();
        SHARED.get_or_init(|| {
            let (give, take) = mpsc::channel();
            std::thread::spawn(move || {
                give.send(Ssh::start()).unwrap();
                loop {
                    std::thread::park();
                }
            });
            take.recv().unwrap()
        })
    }

    fn start() -> Self {
        let directory = tempfile::Builder::new().prefix("sshd-").tempdir().unwrap();
        let place = directory.path();
        for key in ["host", "user"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(place.join(key))
                .status();
            assert!(made.unwrap().success());
        }
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let shown = place.display();
        fs::write(
            place.join("sshd_config"),
            format!(
                "ListenAddress 127.0.0.1:{port}\nHostKey {shown}/host\nAuthorizedKeysFile {shown}/user.pub\n\
                 StrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin yes\nMaxStartups 100\n\
                 Subsystem sftp internal-sftp\n"
            ),
        )
        .unwrap();
        let host = fs::read_to_string(place.join("host.pub")).unwrap();
        fs::write(
            place.join("known_hosts"),
            // Also through a wire that breaks.
            format!("[127.0.0.1]:* {host}"),
        )
        .unwrap();
        fs::write(
            place.join("config"),
            format!("IdentityFile {shown}/user\nUserKnownHostsFile {shown}/known_hosts\nIdentitiesOnly yes\n"),
        )
        .unwrap();
        // The client reads the configuration of the user's home, whatever HOME says.
        fs::create_dir(place.join("bin")).unwrap();
        let client = place.join("bin/ssh");
        fs::write(
            &client,
            format!("#!/bin/sh\nexec /usr/bin/ssh -F {shown}/config \"$@\"\n"),
        )
        .unwrap();
        fs::set_permissions(&client, fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir_all("/run/sshd").unwrap();
        let log = fs::File::create(place.join("log")).unwrap();
        let process = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "/usr/sbin/sshd", "-D", "-e", "-f"])
            .arg(place.join("sshd_config"))
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let give_up = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log = fs::read_to_string(place.join("log")).unwrap_or_default();
            assert!(Instant::now() < give_up, "sshd does not start: {log}");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ssh {
            directory,
            port,
            process,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// A new directory of the server.
    pub(crate) fn url(&self, path: &Path) -> String {
        format!("sftp://root@127.0.0.1:{}{}", self.port, path.display())
    }

    /// The PATH of a program that is to find the client.
    pub(crate) fn path(&self) -> String {
        let path = std::env::var("PATH").unwrap();
        format!("{}:{path}", self.directory.path().join("bin").display())
    }
}

impl Drop for Ssh {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
