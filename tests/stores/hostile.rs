//! A directory destination whose owner wants the machine that reads it to suffer.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use crate::support::{Run, end_and_peak_memory};
use crate::test_store::{StoreKind, TestStore};

/// Runs a command on the destination. It must end soon, and in little memory.
fn run(place: &TestStore, args: &str) -> Run {
    let mut command = place.program("");
    for arg in args.split_whitespace() {
        command.arg(if arg == "@" { &place.url } else { arg });
    }
    command.stdout(std::process::Stdio::piped());
    command.stderr(std::process::Stdio::piped());
    let begun = Instant::now();
    let (run, peak) = end_and_peak_memory(command.spawn().unwrap());
    assert!(begun.elapsed() < Duration::from_secs(60), "{args}: {run:?}");
    assert!(peak < 300 << 20, "{args}: {peak}");
    run
}

/// A file that claims to be as long as this, and takes no room.
fn grow(place: &TestStore, path: &str, bytes: u64) {
    let path = place.env.path("stored").join(path);
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path);
    file.unwrap().set_len(bytes).unwrap();
}

#[test]
fn a_copy_or_a_sidecar_without_end_is_damaged() {
    let place = TestStore::new(StoreKind::Directory);
    place.dump();
    let copy = place.copy("");
    let path = place.path_of(&copy[0]);
    let whole = place.read(&path).len();
    grow(&place, &path, 1 << 43);
    for args in ["verify @", "restore @ new.sqlite", "drill @"] {
        let run = run(&place, args);
        assert_eq!(run.status, Some(1), "{args}: {run:?}");
        let said = format!("more than the {whole} bytes that its sidecar says");
        let is_said = run.stdout.contains(&said) || run.stderr.contains(&said);
        assert!(is_said, "{args}: {run:?}");
    }
    // Its sidecar says the same length: there is no room for that.
    let sidecar = format!("{path}.copy.json");
    let text = String::from_utf8(place.read(&sidecar)).unwrap();
    let bytes = format!("\"bytes\": {whole}");
    assert!(text.contains(&bytes), "{text}");
    let forged = text.replace(&bytes, &format!("\"bytes\": {}", 1_u64 << 43));
    place.write(&sidecar, forged.as_bytes());
    let ended = run(&place, "restore @ new.sqlite");
    assert!(
        ended.stderr.contains("free and the copy takes"),
        "{ended:?}"
    );

    place.write(&sidecar, text.as_bytes());
    grow(&place, &path, whole as u64);
    grow(&place, &sidecar, 1 << 43);
    for args in ["verify @", "status @", "restore @ new.sqlite"] {
        let run = run(&place, args);
        assert_eq!(run.status, Some(1), "{args}: {run:?}");
        assert!(
            format!("{run:?}").contains("sidecar is damaged"),
            "{args}: {run:?}"
        );
    }
    assert!(!place.env.path("new.sqlite").exists());
}

#[test]
fn folders_without_end_and_symlinks_lead_nowhere() {
    let place = TestStore::new(StoreKind::Directory);
    place.dump();
    let copy = place.copy("");
    let path = place.path_of(&copy[0]);
    // Folders within folders, below the machine, below the database, and beside both.
    for start in ["", "web", "web/db"] {
        let mut deep = place.env.path("stored").join(start);
        for _ in 0..1500 {
            deep = deep.join("d");
            if fs::create_dir(&deep).is_err() {
                break;
            }
        }
    }
    // Another machine and another database that are elsewhere.
    let elsewhere = place.env.path("elsewhere");
    fs::create_dir_all(elsewhere.join("db")).unwrap();
    let dump = path.rsplit('/').next().unwrap();
    for name in [dump.to_owned(), format!("{dump}.copy.json")] {
        fs::write(
            elsewhere.join("db").join(&name),
            place.read(&format!("web/db/{name}")),
        )
        .unwrap();
    }
    symlink(&elsewhere, place.env.path("stored/other")).unwrap();
    symlink(elsewhere.join("db"), place.env.path("stored/web/linked")).unwrap();
    let older = "db-20200101T000000Z.sqlite.gz";
    for name in [older.to_owned(), format!("{older}.copy.json")] {
        symlink("/etc/passwd", place.env.path("stored/web/db").join(name)).unwrap();
    }
    for args in ["list @", "verify @", "status @", "rotate @ --keep 1"] {
        let run = run(&place, args).succeeds();
        let said = format!("{}{}", run.stdout, run.stderr);
        assert!(
            !said.contains("other") && !said.contains("linked"),
            "{args}: {run:?}"
        );
    }
    assert_eq!(fs::read_dir(elsewhere.join("db")).unwrap().count(), 2);
    assert!(fs::exists("/etc/passwd").unwrap());
    place.dump();
    place.copy("--keep 1");
    assert_eq!(fs::read_dir(elsewhere.join("db")).unwrap().count(), 2);
    // A machine's own folder that is a symlink is refused, and nothing is written through it.
    fs::rename(place.env.path("stored/web"), place.env.path("web")).unwrap();
    fs::remove_dir_all(elsewhere.join("db")).unwrap();
    symlink(&elsewhere, place.env.path("stored/web")).unwrap();
    place.dump();
    let run = Run::finish(place.program("copy dump --to").arg(&place.url));
    assert_eq!(run.status, Some(1), "{run:?}");
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
}
