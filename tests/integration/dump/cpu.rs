//! What a dump leaves of the CPUs to others.

use std::fs;
use std::process::{Command, Stdio};

use crate::servers::KilledOnDrop;
use crate::support::{Env, skipped, wait_until};

/// The numbers of scheduling policies (`sched(7)`).
const OTHER: u32 = 0;
const BATCH: u32 = 3;
const IDLE: u32 = 5;

/// The bit of `CAP_SYS_NICE`.
const MAY_RETURN: u64 = 1 << 23;

/// Starts programs that keep all CPUs busy.
fn load_cpus() -> Vec<KilledOnDrop> {
    let cores = std::thread::available_parallelism().unwrap().get();
    let spin = || {
        let mut shell = Command::new("sh");
        shell.args(["-c", "while :; do :; done"]);
        KilledOnDrop(shell.stdin(Stdio::null()).spawn().unwrap())
    };
    (0..2 * cores).map(|_| spin()).collect()
}

/// Returns the scheduling policies of the threads of a process with this name.
fn policies(process: u32, name: &str) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let stats = threads.filter_map(|thread| {
        let stat = fs::read_to_string(thread.ok()?.path().join("stat")).ok()?;
        let (before, rest) = stat.rsplit_once(") ")?;
        before.contains(&format!("({name}")).then(|| {
            // The first field here is the third of proc_pid_stat(5); the policy is the 41st.
            rest.split(' ').nth(38).unwrap().parse().unwrap()
        })
    });
    stats.collect()
}

#[test]
fn what_compresses_waits_for_a_free_cpu_but_not_for_ever() {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let held = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let held = u64::from_str_radix(held.unwrap().trim(), 16).unwrap();
    if held & MAY_RETURN == 0 {
        return skipped("CAP_SYS_NICE is missing");
    }
    let env = Env::new();
    let script = "until [ -e begin ]; do sleep 0.1; done; until [ -e end ]; do seq 1 100000; done";
    let mut dump = env.program("dump --threads 2 --name numbers -- sh -c");
    let dump = dump.arg(script).current_dir(env.root());
    let dump = dump.stdout(Stdio::null()).stderr(Stdio::null());
    let mut dump = KilledOnDrop(dump.spawn().unwrap());
    let process = dump.0.id();
    let children = format!("/proc/{process}/task/{process}/children");
    let program = || fs::read_to_string(&children).ok()?.trim().parse().ok();
    wait_until(|| program().is_some_and(|sh| policies(sh, "sh") == [BATCH]));
    wait_until(|| policies(process, "gzip-") == [IDLE, IDLE]);
    assert_eq!(policies(process, "dump-database"), [OTHER]);

    let load = load_cpus();
    fs::write(env.path("begin"), "").unwrap();
    wait_until(|| policies(process, "gzip-") == [OTHER, OTHER]);
    fs::write(env.path("end"), "").unwrap();
    assert!(dump.0.wait().unwrap().success());
    drop(load);
    env.run(&format!("verify {}", env.dumps().display()))
        .succeeds();
}
