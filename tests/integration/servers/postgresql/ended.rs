//! What a drill of a PostgreSQL dump leaves running when it ends or is killed: nothing.

use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;

use super::drill::server;
use super::sandbox::slow;
use crate::servers::confined::HangingDrill;
use crate::servers::drilled::{drill, with_text};
use crate::servers::{KilledOnDrop, wait_for};
use crate::support::{Env, PROGRAM, Run, names, skipped};

#[test]
#[ignore = "needs PostgreSQL"]
fn sigterm_during_a_drill_leaves_nothing() {
    let env = Env::new();
    let server = server();
    let hanging = HangingDrill::start(&env, &slow(&env, &server), "CREATE INDEX");
    rustix::process::kill_process(hanging.pid(), rustix::process::Signal::TERM).unwrap();
    let began = std::time::Instant::now();
    let run = hanging.end();
    assert_eq!(run.signal, Some(15), "{run:?}");
    assert!(began.elapsed().as_secs() < 20, "{run:?}");
    assert!(!run.stderr.contains("was killed"), "{run:?}");
    drill(&env, "").succeeds();
}

/// Returns the number of processes whose command line ends with `sleep NUMBER`.
fn sleeping(number: u32) -> usize {
    let end = format!("sleep\0{number}\0");
    let lines = names(Path::new("/proc"))
        .into_iter()
        .filter_map(|pid| std::fs::read(format!("/proc/{pid}/cmdline")).ok());
    lines.filter(|line| line.ends_with(end.as_bytes())).count()
}

/// Returns a prefix for a command line that runs the program after it as a user who can make no
/// namespaces: in a root directory that is not the one of its mount namespace (unshare(2),
/// `EPERM`).
fn without_namespaces(env: &Env) -> Vec<String> {
    let root = env.root().display();
    let jail = format!(
        "mount --rbind / {root}/jail; exec chroot --userspec=65534:65534 --groups= {root}/jail sh -c 'cd {root}; exec \"$@\"' sh \"$@\""
    );
    let words = ["unshare", "--net", "--mount", "--propagation", "private"];
    let words = words.into_iter().chain(["sh", "-euc", &jail, "sh"]);
    words.map(str::to_owned).collect()
}

/// Asserts that a process that a dump starts in a separate session ends with its drill, whether
/// the drill is killed or ends, and also if the drill has no process namespace.
fn ends_all_it_started(env: &Env, prefix: &[String], dump: &Path, number: u32) {
    let slow = std::fs::read(dump).unwrap();
    let detach = format!("COPY (SELECT 1) TO PROGRAM 'setsid -f sleep {number}';\nCREATE TABLE");
    let hanging = with_text(dump, |text| text.replacen("CREATE TABLE", &detach, 1));
    let drill = HangingDrill::start_by(env, prefix, &hanging, "CREATE INDEX");
    assert_eq!(sleeping(number), 1, "{prefix:?}");
    drill.kill();
    wait_for("the end of what was detached", || sleeping(number) == 0);

    let quick = |text: String| text.replace("public.slow(v)", "public.quick(v)");
    let ending = with_text(&hanging, quick);
    let words = prefix.iter().map(String::as_str);
    let words = words.chain([PROGRAM, "drill", "--scratch", "scratch"]);
    let mut drill = env.command("env");
    Run::finish(drill.args(words).arg(&ending)).succeeds();
    assert_eq!(sleeping(number), 0, "{prefix:?}");
    assert_eq!(names(&env.path("scratch")), [""; 0]);
    std::fs::write(dump, slow).unwrap();
}

#[test]
#[ignore = "needs PostgreSQL"]
fn no_process_outlives_a_drill() {
    let env = Env::new();
    let server = server();
    let dump = slow(&env, &server);
    ends_all_it_started(&env, &[], &dump, 86_501);
    if !rustix::process::geteuid().is_root() {
        skipped("only root can be kept from making namespaces");
        return;
    }
    std::fs::create_dir(env.path("jail")).unwrap();
    for name in names(&env.dumps()) {
        chown(env.dumps().join(name), Some(65534), Some(65534)).unwrap();
    }
    for path in [env.root(), &env.dumps(), &env.path("scratch")] {
        chown(path, Some(65534), Some(65534)).unwrap();
    }
    ends_all_it_started(&env, &without_namespaces(&env), &dump, 86_502);
}

/// The next drill kills a process that a killed drill left running, and no other: what a process
/// says in its environment counts among the processes of one ordinary user only.
#[test]
#[ignore = "needs PostgreSQL"]
fn what_a_killed_drill_left_running_is_ended_by_the_next() {
    let env = Env::new();
    let server = server();
    let hanging = HangingDrill::start(&env, &slow(&env, &server), "CREATE INDEX");
    let [place] = &names(&env.path("scratch"))[..] else {
        panic!("{:?}", names(&env.path("scratch")));
    };
    let work = env.path("scratch").join(place).join("work");
    hanging.kill();
    let sleep = |home: &Path, user: Option<u32>| {
        let mut sleep = env.command("sleep");
        if let Some(user) = user {
            sleep.uid(user).gid(user);
        }
        KilledOnDrop(sleep.arg("600").env("HOME", home).spawn().unwrap())
    };
    let is_root = rustix::process::geteuid().is_root();
    let user = is_root.then(|| std::fs::metadata(&work).unwrap().uid());
    let mut left = sleep(&work, user);
    // Of these processes, those of root claim to be left by the drill.
    let mut others = vec![sleep(env.root(), None)];
    if is_root {
        others.extend([sleep(&work, None), sleep(&work, Some(1234))]);
    }
    env.run("drill --scratch scratch --sample newest")
        .succeeds();
    wait_for("the end of what was left", || {
        left.0.try_wait().unwrap().is_some()
    });
    for other in &mut others {
        assert!(other.0.try_wait().unwrap().is_none());
    }
}
