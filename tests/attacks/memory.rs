//! What another process of the same user can see of a run, which knows passwords.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Stdio;

use super::{as_other, scene, script};
use crate::support::{Env, PROGRAM, Run, set_mode, wait_until};

#[test]
fn another_process_of_the_same_user_reads_no_memory_and_no_core_is_written() {
    let Some(env) = scene() else { return };
    let mut dump = as_other(&env, PROGRAM);
    dump.args(["dump", "--to", ".", "--name", "x", "--", "sh", "-c"]);
    let dump = dump
        .arg("touch begun; sleep 4; echo x")
        .stdout(Stdio::null());
    let dump = dump.spawn().unwrap();
    wait_until(|| env.path("home/begun").exists());
    let process = format!("/proc/{}", dump.id());
    for file in ["environ", "mem", "maps"] {
        let owner = fs::metadata(format!("{process}/{file}")).unwrap().uid();
        assert_eq!(owner, 0, "{file}");
        script(&env, &format!("! cat {process}/{file} >/dev/null 2>&1"));
    }
    let limits = fs::read_to_string(format!("{process}/limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core"));
    let core = core.unwrap().split_whitespace().skip(4);
    assert_eq!(core.take(2).collect::<Vec<_>>(), ["0", "0"], "{limits}");
    Run::end_of(dump).succeeds();
}

#[test]
fn a_password_file_that_every_user_can_read_is_named() {
    let env = Env::new();
    fs::write(env.path("password"), "s3cret\n").unwrap();
    for (mode, warns) in [(0o600, false), (0o640, false), (0o644, true)] {
        set_mode(&env.path("password"), mode);
        let run = env.run("dump --password-file password postgresql://127.0.0.1:1/x");
        let run = run.fails(1, "x was not dumped");
        let said = "every user of this machine can read the password file password";
        assert_eq!(run.stderr.contains(said), warns, "{mode:o}: {run:?}");
    }
    fs::write(env.path("password"), vec![b'x'; 100_000]).unwrap();
    env.run("dump --password-file password postgresql://127.0.0.1:1/x")
        .fails(1, "the password file password is longer than 65.54 kB");
}
