//! Messages: to people, to the journal, to systemd.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;

use crate::support::{Env, PROGRAM, Run, database, planted};

/// Returns the stderr of a run whose `JOURNAL_STREAM` names the file of its stderr, as systemd
/// does.
fn journal(env: &Env, args: &str, status: i32) -> String {
    let path = env.path("journal");
    let file = File::create(&path).unwrap();
    let meta = file.metadata().unwrap();
    let mut command = env.program(args);
    command.env("JOURNAL_STREAM", format!("{}:{}", meta.dev(), meta.ino()));
    let ended = command
        .stdout(std::process::Stdio::null())
        .stderr(file)
        .status()
        .unwrap();
    assert_eq!(ended.code(), Some(status));
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn in_the_journal_each_line_bears_its_priority() {
    let env = Env::with_database();
    let ahead = planted::plant(
        &env.dump("db.sqlite"),
        planted::time("2099-01-01T00:00:00Z"),
    );
    let text = journal(&env, "dump db.sqlite missing.sqlite --log debug", 1);
    let of = |priority: &str| -> Vec<&str> {
        text.lines()
            .filter(|line| line.starts_with(priority))
            .collect()
    };
    let (errors, warnings, infos) = (of("<3>"), of("<4>"), of("<6>"));
    assert_eq!(
        errors.len() + warnings.len() + infos.len() + of("<7>").len(),
        text.lines().count()
    );
    assert!(
        errors[0].starts_with("<3>missing  FAILED  missing.sqlite does not exist"),
        "{text}"
    );
    let ahead = ahead.file_name().unwrap().to_str().unwrap();
    assert!(
        warnings[0].starts_with(&format!("<4>{ahead} is dated after now")),
        "{text}"
    );
    let summary = infos
        .iter()
        .find(|line| line.starts_with("<6>db: "))
        .expect("a summary");
    for part in [" in, ", " out, ", " s, ", " MB/s"] {
        assert!(summary.contains(part), "{summary}");
    }
    assert!(!text.contains('\x1b') && !text.contains('\r'), "{text:?}");
}

#[test]
fn a_stderr_that_is_not_the_journals_has_words() {
    let env = Env::with_database();
    let mut command = env.program("dump missing.sqlite");
    let run = Run::finish(command.env("JOURNAL_STREAM", "8:4711")).fails(1, "");
    assert!(
        run.stderr.starts_with("error: missing was not dumped: "),
        "{run:?}"
    );
}

/// Runs the program successfully. Returns what it sends to systemd.
pub(crate) fn statuses(env: &Env, args: &str) -> Vec<String> {
    let path = env.path("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    Run::finish(env.program(args).env("NOTIFY_SOCKET", &path)).succeeds();
    std::fs::remove_file(&path).unwrap();
    socket.set_nonblocking(true).unwrap();
    let mut told = Vec::new();
    let mut buffer = [0; 1024];
    while let Ok(length) = socket.recv(&mut buffer) {
        let text = String::from_utf8_lossy(&buffer[..length]);
        told.push(text.trim_end().to_owned());
    }
    told
}

/// Asserts that these statuses were told, in this order.
#[track_caller]
pub(crate) fn assert_in_order(told: &[String], expected: &[&str]) {
    let mut rest = told.iter();
    for text in expected {
        let found =
            rest.any(|status| status.ends_with(text) || status.contains(&format!("{text}, ")));
        assert!(found, "no {text:?} in its place: {told:#?}");
    }
}

#[test]
fn systemd_is_told_the_phases_of_a_restore() {
    let env = Env::with_database();
    env.dump("db.sqlite");
    let told = statuses(&env, "restore dump new.sqlite");
    assert_in_order(&told, &["new.sqlite: verifying", ": loading", ": checking"]);
    let told = statuses(&env, "restore --replace dump new.sqlite");
    let phases = [
        ": loading",
        ": dumping the old database",
        ": replacing the old database",
    ];
    assert_in_order(&told, &phases);
}

#[test]
fn systemd_is_told_the_status() {
    let env = Env::with_database();
    database::make_small(&env.path("other.sqlite"));
    let told = statuses(&env, "dump db.sqlite other.sqlite");
    for wanted in ["STATUS=dumping db", "STATUS=dumping other"] {
        assert!(told.iter().any(|one| one == wanted), "{told:?}");
    }
    let progress = told.iter().find(|one| one.starts_with("STATUS=db: "));
    assert!(
        progress.is_some_and(|one| one.contains(" dumped, ")),
        "{told:?}"
    );
    assert!(
        told.iter().all(|one| one.starts_with("STATUS=")),
        "{told:?}"
    );

    // A socket on which no process listens does not make the run fail.
    let mut command = env.program("dump db.sqlite");
    Run::finish(command.env("NOTIFY_SOCKET", env.path("nobody"))).succeeds();
}

/// Returns what the program writes to a terminal that is its stdout and stderr.
fn on_a_terminal(env: &Env, args: &str, variables: &[(&str, &str)]) -> String {
    let mut command = env.command("script");
    command.args(["-q", "-e", "-c", &format!("{PROGRAM} {args}"), "/dev/null"]);
    command.env("TERM", "xterm").envs(variables.iter().copied());
    let run = Run::finish(&mut command);
    assert!(run.stderr.is_empty(), "{run:?}");
    run.stdout
}

#[test]
fn a_terminal_gets_a_progress_bar_and_colours() {
    let env = Env::new();
    drop(database::make_large(
        &env.path("db.sqlite"),
        "WAL",
        3_000_000,
    ));
    let shown = on_a_terminal(&env, "dump db.sqlite", &[]);
    assert!(shown.contains("MB") && shown.contains("B/s"), "{shown:?}");
    let shown = on_a_terminal(&env, "dump db.sqlite", &[]);
    assert!(shown.contains('█') && shown.contains(" of 3."), "{shown:?}");
    let wiped = shown.rfind("\x1b[2K").expect("the bar is wiped in the end");
    assert!(shown[wiped..].contains("/dump/db-"), "{shown:?}");

    let error = on_a_terminal(&env, "dump missing.sqlite", &[]);
    assert!(
        error.contains("\x1b[31merror: \x1b[0mmissing was not dumped"),
        "{error:?}"
    );
    let plain = on_a_terminal(&env, "dump missing.sqlite", &[("NO_COLOR", "1")]);
    assert!(
        !plain.contains('\x1b') && plain.contains("error: missing"),
        "{plain:?}"
    );
}

#[test]
fn without_a_terminal_there_are_no_escape_codes() {
    let env = Env::new();
    drop(database::make_large(
        &env.path("db.sqlite"),
        "WAL",
        3_000_000,
    ));
    for args in [
        "dump db.sqlite missing.sqlite",
        "list",
        "verify",
        "--help",
        "dump --frob",
    ] {
        let mut command = env.program(args);
        let run = Run::finish(command.env("TERM", "xterm").env("CLICOLOR", "1"));
        assert!(!run.stderr.contains(['\x1b', '\r', '█']), "{run:?}");
        assert!(!run.stdout.contains(['\x1b', '\r']), "{run:?}");
    }
}
