//! Tests that run programs of other projects: commands and database servers.

mod clients;
mod command;
mod confined;
mod documentation;
mod drilled;
mod leftovers;
mod machine;
pub(crate) mod mysql;
pub(crate) mod postgresql;
mod recipes;
pub(crate) mod redis;
mod survey;

use std::net::TcpListener;
use std::path::PathBuf;

use crate::support::{Env, Run};

pub(crate) use machine::{
    KilledOnDrop, SmallDisk, give_to, newest_below, read_printed, start_server, unprivileged,
    wait_for,
};

/// Returns the path of a script of the Chinook sample (github.com/lerocha/chinook-database) in the
/// directory that `CHINOOK` names; `None` if `CHINOOK` is not set.
fn chinook(script: &str) -> Option<PathBuf> {
    let directory = std::env::var_os("CHINOOK")?;
    let path = PathBuf::from(directory).join(script);
    assert!(path.is_file(), "{} is missing", path.display());
    Some(path)
}

/// Makes a self-signed certificate for 127.0.0.1, and its key.
fn certificate(env: &Env, name: &str) -> (PathBuf, PathBuf) {
    let (certificate, key) = (
        env.path(format!("{name}.pem")),
        env.path(format!("{name}.key")),
    );
    let mut openssl = env.command("openssl");
    openssl
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        ])
        .args([
            "-subj",
            "/CN=127.0.0.1",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
        ])
        .args(["-keyout".as_ref(), key.as_os_str()])
        .args(["-out".as_ref(), certificate.as_os_str()]);
    Run::finish(&mut openssl).succeeds();
    (certificate, key)
}

/// Returns the name of a database that a restore of `database` by the process `pid` of this machine
/// created an hour ago.
pub(crate) fn name_of_restoring(database: &str, pid: u32) -> String {
    use sha2::Digest;
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let place = format!(
        "{}\0{}\0{}\0{database}\0",
        read("/etc/machine-id").trim(),
        read("/proc/sys/kernel/hostname").trim(),
        std::fs::read_link("/proc/self/ns/pid").unwrap().display()
    );
    let place = dump_database::human::format_hexadecimal(&sha2::Sha256::digest(place)[..4]);
    let hour_ago = jiff::Timestamp::now().as_second() - 3600;
    format!("{database}.restoring-{hour_ago:x}-{pid:x}-{place}")
}

/// Returns a TCP port of 127.0.0.1 on which no process listens.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Returns the processes that a process started, and those that they started.
fn descendants(pid: u32) -> Vec<u32> {
    let children = |pid: u32| -> Vec<u32> {
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task"));
        let tasks = tasks.into_iter().flatten().flatten();
        let lists =
            tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
        let numbers = |list: String| -> Vec<u32> {
            list.split_whitespace()
                .filter_map(|pid| pid.parse().ok())
                .collect()
        };
        lists.flat_map(numbers).collect()
    };
    let mut found = children(pid);
    let mut at = 0;
    while at < found.len() {
        found.extend(children(found[at]));
        at += 1;
    }
    found
}

/// Asserts that a restore names each of these `failed` objects once, and in all `count` objects, as not
/// restored.
#[track_caller]
fn assert_not_restored(run: &Run, failed: &[&str], count: usize) {
    for failed in failed {
        let said = format!("error: not restored: {failed}");
        assert_eq!(
            run.stderr.matches(&said).count(),
            1,
            "no {said:?}: {run:#?}"
        );
    }
    assert_eq!(
        run.stderr.matches("not restored: ").count(),
        count,
        "{run:#?}"
    );
}

/// Asserts that the directory holds exactly these dumps and no temporary files.
#[track_caller]
fn assert_no_trace(env: &Env, dumps: &[String]) {
    assert_eq!(env.names(), dumps);
    assert_eq!(env.temporaries(), [""; 0]);
}
