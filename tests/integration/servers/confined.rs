//! What the processes of a drill may do, seen from outside while the restore of a drill hangs.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::servers::wait_for;
use crate::support::{Env, PROGRAM, Run, names};

/// A drill whose server never finishes its work.
pub(crate) struct HangingDrill {
    drill: Child,
    scratch: PathBuf,
}

impl HangingDrill {
    /// Drills `dump` under the umask 0, and waits until a process of the drill has `sign` in its
    /// command line.
    pub(crate) fn start(env: &Env, dump: &Path, sign: &str) -> Self {
        HangingDrill::start_by(env, &[], dump, sign)
    }

    /// Does the same, run by the program and the options in `prefix`.
    pub(crate) fn start_by(env: &Env, prefix: &[String], dump: &Path, sign: &str) -> Self {
        let scratch = env.path("scratch");
        fs::create_dir_all(&scratch).unwrap();
        let mut shell = env.command("sh");
        shell.args(["-c", "umask 0; exec \"$@\"", "sh"]);
        shell
            .args(prefix)
            .args([PROGRAM, "drill", "--scratch", "scratch"])
            .arg(dump)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let hanging = HangingDrill {
            drill: shell.spawn().unwrap(),
            scratch,
        };
        wait_for("the drill to hang", || {
            let below = hanging.processes();
            below
                .iter()
                .any(|process| command_line(*process).contains(sign))
        });
        hanging
    }

    pub(crate) fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.drill)
    }

    /// Waits for the drill, and returns how it ended.
    pub(crate) fn end(self) -> Run {
        Run::end_of(self.drill)
    }

    /// Returns the processes that the drill started, and those that they started.
    fn processes(&self) -> Vec<u32> {
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let parents: BTreeMap<u32, u32> = pids
            .filter_map(|pid| Some((pid, status(pid).get("PPid")?.parse().ok()?)))
            .collect();
        let is_below = |mut pid: u32| {
            while let Some(parent) = parents.get(&pid) {
                if *parent == self.drill.id() {
                    return true;
                }
                pid = *parent;
            }
            false
        };
        parents
            .keys()
            .copied()
            .filter(|pid| is_below(*pid))
            .collect()
    }

    /// Asserts that every process, of the server and of its clients, is in the sandbox, and that
    /// no other user can look inside.
    pub(crate) fn is_confined(&self) {
        let is_root = rustix::process::geteuid().is_root();
        let processes = self.processes();
        // A client that has just ended is still listed and has no rights left to look at.
        let rights: Vec<Rights> = processes
            .iter()
            .filter_map(|pid| Rights::of(*pid))
            .collect();
        assert!(rights.len() >= 3, "{processes:?}");
        let own = Rights::of(std::process::id()).unwrap();
        let mut users = Vec::new();
        for process in rights {
            let line = &process.line;
            let of = |name: &str| process.status.get(name).map_or("", String::as_str);
            assert_eq!(of("NoNewPrivs"), "1", "{line}");
            assert_eq!(of("CapEff"), "0000000000000000", "{line}");
            assert_eq!(of("CapPrm"), "0000000000000000", "{line}");
            assert_eq!(process.oom_score.trim(), "1000", "{line}");
            assert_ne!(process.network, own.network, "{line}");
            assert_eq!(process.shows, Vec::<&str>::new(), "{line}");
            if is_root {
                assert_eq!(of("Groups"), "", "{line}");
                users.push(of("Uid").to_owned());
            }
        }
        users.sort();
        users.dedup();
        if is_root {
            let [users] = &users[..] else {
                panic!("{users:?}");
            };
            let ids: Vec<u32> = users.split('\t').map(|id| id.parse().unwrap()).collect();
            assert!(ids.iter().all(|id| *id == ids[0]), "{users}");
            assert!((61184..=65519).contains(&ids[0]), "{users}");
            let known = Command::new("getent")
                .args(["passwd", &ids[0].to_string()])
                .output();
            assert!(!known.unwrap().status.success(), "{users}");
        }
        self.is_closed();
    }

    /// Asserts that `/proc` in the sandbox lists the processes of the drill only.
    pub(crate) fn sees_no_other_process(&self) {
        let own = self.processes();
        let mut seen = 0;
        for process in &own {
            let proc = PathBuf::from(format!("/proc/{process}/root/proc"));
            let listed = names(&proc);
            let listed: Vec<u32> = listed.iter().filter_map(|name| name.parse().ok()).collect();
            let line = command_line(*process);
            let first = fs::read(proc.join("1/cmdline")).unwrap_or_default();
            if has_ended(*process) {
                continue;
            }
            assert!(
                !listed.is_empty() && listed.len() <= own.len(),
                "{line}: {listed:?}"
            );
            let first = String::from_utf8_lossy(&first);
            assert!(
                first.starts_with("dump-database-drill-init\0"),
                "{line}: {first}"
            );
            seen += 1;
        }
        assert!(seen >= 3, "{own:?}");
    }

    /// Asserts that no process of the drill has this file open.
    pub(crate) fn has_not_open(&self, file: &Path) {
        let meta = file.metadata().unwrap();
        let mut seen = 0;
        for process in self.processes() {
            for descriptor in names(Path::new(&format!("/proc/{process}/fd"))) {
                let path = format!("/proc/{process}/fd/{descriptor}");
                let open = fs::metadata(path).map(|open| (open.dev(), open.ino()));
                let line = command_line(process);
                assert_ne!(
                    open.ok(),
                    Some((meta.dev(), meta.ino())),
                    "{descriptor} of {line}"
                );
                seen += 1;
            }
        }
        assert!(seen > 10, "{seen}");
    }

    /// Asserts that only root and the drill's own user can enter the directories of the drill.
    fn is_closed(&self) {
        let own = rustix::process::geteuid().as_raw();
        let [place] = &names(&self.scratch)[..] else {
            panic!("{:?}", names(&self.scratch));
        };
        let place = self.scratch.join(place);
        let meta = place.metadata().unwrap();
        assert_eq!(
            (meta.uid(), meta.permissions().mode() & 0o777),
            (own, 0o700)
        );
        let work = place.join("work").metadata().unwrap();
        assert_eq!(work.permissions().mode() & 0o777, 0o700);
    }

    /// Stops all that the drill started, so that a drill that is only busy hangs from now on.
    pub(crate) fn stop_what_it_started(&self) {
        for pid in self.processes() {
            let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
            // One that has just ended is no obstacle.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::STOP);
        }
    }

    /// Kills the drill.
    pub(crate) fn kill(mut self) {
        self.drill.kill().unwrap();
        self.drill.wait().unwrap();
    }

    /// Kills the drill, and asserts that no process is left and that its files are as closed as
    /// before. The next drill must remove them.
    pub(crate) fn leaves_nothing_open_when_killed(mut self, env: &Env) {
        let processes = self.processes();
        self.drill.kill().unwrap();
        self.drill.wait().unwrap();
        wait_for("the end of what it started", || {
            let is_alive = |pid: &u32| !has_ended(*pid) && !command_line(*pid).is_empty();
            !processes.iter().any(is_alive)
        });
        self.is_closed();
        let scratch = self.scratch.clone();
        env.run("drill --scratch scratch").succeeds();
        assert_eq!(names(&scratch), Vec::<String>::new());
    }
}

/// What a process may do, read from `/proc`.
struct Rights {
    line: String,
    status: BTreeMap<String, String>,
    oom_score: String,
    network: PathBuf,
    /// The directories of the machine's servers that it can see.
    shows: Vec<&'static str>,
}

impl Rights {
    /// Reads them all. Returns nothing if the process has ended.
    fn of(pid: u32) -> Option<Rights> {
        let read = || {
            let seen = PathBuf::from(format!("/proc/{pid}/root"));
            fs::read_link(&seen)?;
            let mut shows = vec!["run/postgresql", "run/mysqld", "var/lib", "var/log"];
            shows.retain(|hidden| seen.join(hidden).exists());
            Ok(Rights {
                line: command_line(pid),
                oom_score: fs::read_to_string(format!("/proc/{pid}/oom_score_adj"))?,
                network: fs::read_link(format!("/proc/{pid}/ns/net"))?,
                shows,
                status: status(pid),
            })
        };
        let rights: std::io::Result<Rights> = read();
        (!has_ended(pid)).then(|| rights.unwrap_or_else(|error| panic!("{pid}: {error}")))
    }
}

fn has_ended(pid: u32) -> bool {
    let state = status(pid).remove("State").unwrap_or_default();
    state.is_empty() || state.starts_with(['Z', 'X'])
}

fn status(pid: u32) -> BTreeMap<String, String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect()
}

fn command_line(pid: u32) -> String {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).replace('\0', " ")
}
