//! A directory destination whose owner wants the machine that reads it to suffer.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::time::Duration;

use crate::support::Run;
use crate::support::ended::end_and_peak_memory_within;
use crate::test_store::{StoreKind, TestStore};

/// Runs a command on the destination. It must end soon, and in little memory.
fn run(place: &TestStore, args: &str) -> Run {
    let mut command = place.program("");
    for arg in args.split_whitespace() {
        command.arg(if arg == "@" { &place.url } else { arg });
    }
    command.stdout(std::process::Stdio::piped());
    command.stderr(std::process::Stdio::piped());
    let limit = Duration::from_mins(1);
    let (run, peak) = end_and_peak_memory_within(limit, command.spawn().unwrap());
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
        ended.stderr.contains("free and the copy needs"),
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

/// A directory of dumps belongs to another user, who puts dumps into it that claim to be of a database
/// whose dumps are in the directory of its owner.
#[test]
fn dumps_that_another_user_forged_are_not_copied_in_place_of_a_databases_own() {
    use crate::support::database::contents;
    if !rustix::process::geteuid().is_root() {
        return crate::support::skipped("only root can give a directory away");
    }
    let place = TestStore::new(StoreKind::Directory);
    let own = |name: &str, user: u32| {
        let directory = place.env.path(name);
        std::os::unix::fs::chown(&directory, Some(user), Some(user)).unwrap();
    };
    let folders = || {
        let stored = place.stored();
        let folders = stored.iter().map(|path| path.rsplit_once('/').unwrap().0);
        let mut folders: Vec<_> = folders.map(str::to_owned).collect();
        folders.dedup();
        folders
    };
    let dump = |name: &str, user: u32| {
        place.dump();
        place.env.dump(&format!("db.sqlite --to {name}"));
        own(name, user);
    };
    fs::create_dir(place.env.path("b")).unwrap();
    dump("honest", 1234);
    let before = contents(&place.env.path("db.sqlite"));
    place.on("copy honest --to @ --keep 1").succeeds();
    let honest = place.stored();
    assert_eq!(folders(), ["web/db"]);
    // The same identity, and newer. A third user's directory has the name of one that has a folder.
    dump("forged", 1235);
    dump("b/forged", 1236);
    for name in ["forged", "b/forged"] {
        let args = format!("copy {name} --to @ --keep 1");
        let run = place.on(&args).succeeds();
        assert_eq!(run.stdout.lines().count(), 1, "{run:?}");
        let run = place.on(&args).succeeds();
        assert_eq!(run.stdout, "", "{run:?}");
    }
    let all = ["web/db", "web/db@b%2Fforged", "web/db@forged"];
    assert_eq!(folders(), all);
    assert!(honest.iter().all(|path| place.stored().contains(path)));
    place.on("restore @ new.sqlite --name db").fails(
        2,
        "has copies of web/db, web/db@b%2Fforged, web/db@forged; choose one",
    );
    place.on("restore @ new.sqlite --name db@").succeeds();
    assert_eq!(contents(&place.env.path("new.sqlite")), before);
    // A directory that shares a folder is given away.
    dump("second", 1234);
    place.on("copy second --to @ --keep 9").succeeds();
    assert_eq!(folders(), all);
    let shared = place.stored();
    dump("second", 1237);
    place.on("copy second --to @ --keep 1").succeeds();
    let own_folder = "web/db@second".to_owned();
    assert!(folders().contains(&own_folder), "{:?}", folders());
    let is_kept = |path: &&String| path.starts_with("web/db/");
    let stored = place.stored();
    let before = shared.iter().filter(is_kept);
    assert!(stored.iter().filter(is_kept).eq(before), "{stored:?}");
    // A directory that was alone in its folder is given away, and claims to be of the same database.
    let alone = place.stored().into_iter();
    let alone: Vec<_> = alone
        .filter(|path| path.starts_with("web/db@second/"))
        .collect();
    dump("second", 1238);
    place.on("copy second --to @ --keep 1").succeeds();
    let is_new = |folder: &String| folder.ends_with("%2Fsecond");
    assert!(folders().iter().any(is_new), "{:?}", folders());
    assert!(alone.iter().all(|path| place.stored().contains(path)));
    // Of two that were never copied, nothing says which one is honest.
    place
        .on("copy honest forged --to @ --state new --host new")
        .succeeds();
    place
        .on("restore @ other.sqlite --host new --name db")
        .fails(2, "has copies of new/db@forged, new/db@honest; choose one");
}

#[test]
fn a_copy_without_a_sidecar_is_no_longer_than_the_store_lists() {
    let place = TestStore::new(StoreKind::Directory);
    place.dump();
    place.copy("");
    place.dump();
    let path = place.path_of(&place.copy("")[0]);
    fs::remove_file(place.env.path("stored").join(format!("{path}.copy.json"))).unwrap();
    grow(&place, &path, 1 << 43);
    let run = run(&place, "verify @");
    assert!(run.stdout.contains("free and the copy needs"), "{run:?}");
}

#[test]
fn a_sidecar_holds_no_more_than_this_program_writes() {
    let place = TestStore::new(StoreKind::Directory);
    place.dump();
    let path = format!("{}.copy.json", place.path_of(&place.copy("")[0]));
    let text = String::from_utf8(place.read(&path)).unwrap();
    let long = format!("\"tool\": \"{}", "x".repeat(1000));
    for forged in [
        text.replace("\"tool\": \"", &long),
        text.replace("\"sha256\": \"", "\"sha256\": \"0"),
        text.replace("\"identity\": \"", "\"identity\": \"\\u001b"),
    ] {
        assert_ne!(forged, text);
        place.write(&path, forged.as_bytes());
        for args in ["verify @", "restore @ new.sqlite"] {
            let run = run(&place, args);
            assert_eq!(run.status, Some(1), "{args}: {run:?}");
            assert!(
                format!("{run:?}").contains("sidecar is damaged"),
                "{args}: {run:?}"
            );
        }
    }
}

/// The header of age's format is a list of any length, which its reader would hold in memory, and parse
/// once for each line.
#[test]
fn the_header_of_an_encrypted_copy_has_an_end() {
    let place = TestStore::new(StoreKind::Directory);
    let keys = crate::encryption::Keys::new(&place.env);
    place.dump();
    place.copy("");
    place.dump();
    let url = &place.copy(&format!("--recipient {}", keys.public))[0];
    let path = place.path_of(url);
    fs::remove_file(place.env.path("stored").join(format!("{path}.copy.json"))).unwrap();
    let copy = place.read(&path);
    let end = copy.windows(4).position(|bytes| bytes == b"\n---").unwrap();
    let stanza = b"\n-> a b\nAAAA";
    for forged in [
        [&copy[..end], &stanza.repeat(2_000_000), &copy[end..]].concat(),
        [&copy[..end], b"\n-> ", &b"x".repeat(30 << 20)].concat(),
    ] {
        place.write(&path, &forged);
        for args in ["verify @", &format!("restore {url} new.sqlite")] {
            let run = run(&place, &format!("{args} --identity key"));
            assert_eq!(run.status, Some(1), "{args}: {run:?}");
            assert!(
                format!("{run:?}").contains("its encryption is damaged"),
                "{args}: {run:?}"
            );
        }
    }
}
