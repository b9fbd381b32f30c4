//! Helpers for the drills of every server's dumps.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use crate::support::{Env, Run, names, planted};

/// Drills the dumps in `dump`, asserts that no file and no process is left, and returns how the
/// drill ended.
pub(crate) fn drill(env: &Env, args: &str) -> Run {
    let scratch = env.path("scratch");
    fs::create_dir_all(&scratch).unwrap();
    let run = env.run(&format!("drill --scratch scratch {args}"));
    assert_eq!(names(&scratch), Vec::<String>::new());
    let here = scratch.display().to_string();
    let running = fs::read_dir("/proc").unwrap().flatten().filter(|process| {
        let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(&here)
    });
    assert_eq!(running.count(), 0, "a server is left running");
    run
}

/// Writes a whole dump next to `dump` with a changed text. Returns its path.
pub(crate) fn with_text(dump: &Path, change: impl FnOnce(String) -> String) -> PathBuf {
    let mut text = String::new();
    let file = fs::File::open(dump).unwrap();
    MultiGzDecoder::new(file).read_to_string(&mut text).unwrap();
    let changed = change(text.clone());
    assert_ne!(changed, text);
    planted::with_content(dump, changed.as_bytes())
}

/// Asserts that the drill of `dump` reports that this machine cannot prove it, and why, and that
/// neither the drill nor `status` fails.
pub(crate) fn is_not_provable(env: &Env, dump: &Path, why: &str) {
    let dump = dump.display();
    let run = drill(env, &dump.to_string()).succeeds();
    let said = format!("{dump}: not provable here: ");
    assert!(run.stdout.starts_with(&said), "{run:#?}");
    assert!(run.stdout.contains(why), "no {why:?}: {run:#?}");
    let status = env.run("status").succeeds();
    assert!(status.stdout.contains("not provable, "), "{status:?}");
}

/// Asserts that the dump verifies, and that its drill fails with this sentence, as does `status`.
pub(crate) fn fails(env: &Env, dump: &Path, sentence: &str) {
    let dump = dump.display();
    env.run(&format!("verify {dump}")).succeeds();
    let run = drill(env, &dump.to_string());
    assert_eq!(run.status, Some(1), "{run:?}");
    assert!(run.stdout.contains(sentence), "no {sentence:?}: {run:#?}");
    env.run("status").reports(1, "the last drill failed: ");
}

/// Asserts that a drill works below a directory whose path leaves no room for the name of a socket.
pub(crate) fn assert_works_below_a_long_path(env: &Env) {
    let long =
        env.path("a-name-of-a-directory-that-leaves-no-room-for-the-name-of-a-socket-".repeat(2));
    fs::create_dir(&long).unwrap();
    let run = env
        .run(&format!("drill --scratch {}", long.display()))
        .succeeds();
    assert!(run.stdout.contains("restored in"), "{run:?}");
}

/// Asserts that a second run publishes nothing, and that a run after `change` publishes a dump.
pub(crate) fn skips_unchanged(env: &Env, source: &str, change: impl FnOnce()) {
    let dump = format!("dump --to skipped --skip-unchanged {source}");
    assert_eq!(env.run(&dump).succeeds().paths().len(), 1);
    // In the next second, dates and keys in the dump differ.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let run = env.run(&dump).succeeds();
    assert_eq!(run.paths().len(), 0, "{run:?}");
    change();
    assert_eq!(env.run(&dump).succeeds().paths().len(), 1);
    fs::remove_dir_all(env.path("skipped")).unwrap();
}
