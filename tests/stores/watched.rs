//! What monitoring, systemd and people see of copies.

use std::os::unix::net::UnixDatagram;

use crate::support::database::make_large;
use crate::support::{PROGRAM, Run};
use crate::test_store::{StoreKind, TestStore};

/// Returns the value of a metric, and checks its labels.
fn metric(text: &str, name: &str, destination: &str) -> Option<f64> {
    let start = format!("dump_database_{name}{{");
    let mut lines = text.lines().filter(|line| line.starts_with(&start));
    let line = lines.next()?;
    assert!(lines.next().is_none(), "{text}");
    assert!(line.contains(r#"database="db",engine="sqlite""#), "{line}");
    assert!(
        line.contains(&format!(r#",destination="{destination}"}}"#)),
        "{line}"
    );
    line.rsplit(' ').next()?.parse().ok()
}

#[test]
fn metrics_say_how_the_copies_are() {
    let place = TestStore::new(StoreKind::Directory);
    place.dump();
    let metrics = || {
        place.run("status dump --metrics copies.prom");
        let text = std::fs::read_to_string(place.env.path("copies.prom")).unwrap();
        let names = [
            "copy_last_success_timestamp_seconds",
            "copy_last_attempt_success",
            "copy_newest_timestamp_seconds",
            "copy_bytes",
            "copy_duration_seconds",
            "copy_lag_dumps",
        ];
        names.map(|name| metric(&text, name, &place.url))
    };
    assert_eq!(metrics(), [None; 6]);
    let path = place.path_of(&place.copy("")[0]);
    let [copied, success, newest, bytes, seconds, lag] = metrics().map(Option::unwrap);
    let now = jiff::Timestamp::now().as_second() as f64;
    assert!(
        (now - copied).abs() < 60.0 && newest <= copied,
        "{copied} {newest}"
    );
    assert_eq!((success, lag), (1.0, 0.0));
    assert!(seconds > 0.0);
    assert!((bytes - place.read(&path).len() as f64).abs() < 0.5);
    // A run that fails leaves the last success, and says how far the copies are behind.
    place.dump();
    std::fs::rename(place.env.path("stored/web/db"), place.env.path("aside")).unwrap();
    std::fs::write(place.env.path("stored/web/db"), "").unwrap();
    place.on("copy dump --to @").fails(1, "cannot copy");
    let [still, success, _, _, _, lag] = metrics();
    assert_eq!((still, success), (Some(copied), Some(0.0)));
    // What is there is not known to be a copy of anything.
    assert_eq!(lag, Some(2.0));
}

#[test]
fn systemd_and_the_journal_are_told_of_each_copy() {
    let place = TestStore::new(StoreKind::Directory);
    place.dump();
    let socket = UnixDatagram::bind(place.env.path("notify")).unwrap();
    let mut command = place.command_on("copy dump --to @");
    let run = Run::finish(command.env("NOTIFY_SOCKET", place.env.path("notify"))).succeeds();
    let line = run
        .stderr
        .lines()
        .find(|line| line.contains("copied db-"))
        .unwrap();
    assert!(
        line.contains("web/db: copied db-") && line.ends_with(" MB/s"),
        "{line}"
    );
    assert!(line.contains(" s, ") && line.contains("B in "), "{line}");
    socket.set_nonblocking(true).unwrap();
    let mut told = Vec::new();
    let mut buffer = [0; 1024];
    while let Ok(length) = socket.recv(&mut buffer) {
        told.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
    }
    let is_told = |line: &String| line.starts_with("STATUS=db: ") && line.contains(" copied, ");
    assert!(told.iter().any(is_told), "{told:?}");
}

#[test]
fn a_terminal_gets_a_progress_bar() {
    let place = TestStore::new(StoreKind::Directory);
    drop(make_large(&place.env.path("db.sqlite"), "DELETE", 3 << 20));
    place.env.dump("db.sqlite --compress zstd:1");
    let inner = place.program("");
    let mut command = place.env.command("script");
    let args = format!("{PROGRAM} copy dump --limit-rate 3MB --to {}", place.url);
    command
        .args(["-q", "-e", "-c", &args, "/dev/null"])
        .env("TERM", "xterm");
    for (name, value) in inner.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    let shown = Run::finish(&mut command).succeeds().stdout;
    assert!(shown.contains('█') && shown.contains(" of 3."), "{shown:?}");
}

#[test]
fn status_says_the_newest_copy_in_each_destination() {
    let place = TestStore::new(StoreKind::Directory);
    place.dump();
    place.copy("");
    let second = place.env.path("second").display().to_string();
    place.run(&format!("copy dump --to {second}")).succeeds();
    let run = place.run("status dump --max-copy-age 1h").succeeds();
    for destination in [&place.url, &second] {
        assert!(
            run.stdout.contains(&format!("copied to {destination} ")),
            "{run:?}"
        );
    }
    // One that stays behind is named; the other is not.
    place.dump();
    place.copy("");
    std::thread::sleep(std::time::Duration::from_millis(3100));
    let run = place.run("status dump --max-copy-age 2s");
    let run = run.reports(1, &format!("of the copies in {second} the newest is"));
    assert!(
        !run.stderr
            .contains(&format!("of the copies in {} ", place.url))
            || run.stdout.contains(&second),
        "{run:?}"
    );
}
