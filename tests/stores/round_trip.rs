//! What is copied is listed, verified, drilled and restored, from every kind of destination.

use crate::support::Run;
use crate::support::database::contents;
use crate::test_store::{StoreKind, TestStore, all};

#[test]
#[ignore = "needs SeaweedFS and an SSH server; tests/stores/run"]
fn a_copy_is_restored_as_the_database_was() {
    for kind in all() {
        let place = TestStore::new(kind);
        place.dump();
        let before = contents(&place.env.path("db.sqlite"));
        let urls = place.copy("");
        assert_eq!(urls.len(), 1, "{kind:?}");
        let path = place.path_of(&urls[0]);
        assert!(
            path.starts_with("web/db/db-") && path.ends_with(".sqlite.gz"),
            "{path}"
        );
        // The copy and its sidecar, and nothing else.
        assert_eq!(place.stored(), [path.clone(), format!("{path}.copy.json")]);
        let dump = place.env.dumps().join(path.rsplit('/').next().unwrap());
        assert!(place.read(&path) == std::fs::read(dump).unwrap());
        // A second run has nothing to do.
        assert_eq!(place.copy(""), [""; 0]);
        let listed = place.on("list @ --json").succeeds();
        let listed: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
        assert_eq!(listed[0]["url"], urls[0].as_str());
        assert_eq!(
            (&listed[0]["host"], &listed[0]["kind"]),
            (&"web".into(), &"regular".into())
        );
        let verified = place.on("verify @").succeeds();
        assert!(verified.stdout.contains(": good, "), "{verified:?}");
        // By the destination, then by the one copy's URL.
        for (from, target) in [("@", "one.sqlite"), (urls[0].as_str(), "two.sqlite")] {
            let restored = Run::finish(
                place
                    .program("restore")
                    .arg(if from == "@" { &place.url } else { from })
                    .arg(target),
            );
            restored.succeeds();
            assert_eq!(contents(&place.env.path(target)), before, "{kind:?}");
        }
        let drilled = place.on("drill @").succeeds();
        assert!(drilled.stdout.contains("restored in"), "{drilled:?}");
    }
}

#[test]
#[ignore = "needs SeaweedFS and an SSH server; tests/stores/run"]
fn several_hosts_and_databases_are_told_apart() {
    let place = TestStore::new(StoreKind::S3);
    place.dump();
    place.env.dump("db.sqlite --name a/b%c");
    assert_eq!(place.copy("").len(), 2);
    assert_eq!(place.copy("--host other").len(), 2);
    let all = |run: Run| run.stdout.lines().count() - 1;
    let mut every = place.program("list");
    every.arg(&place.url).env_remove("DUMP_DATABASE_HOST");
    assert_eq!(all(Run::finish(&mut every).succeeds()), 4);
    assert_eq!(all(place.on("list @ --host other").succeeds()), 2);
    place
        .on("restore @ new.sqlite")
        .fails(2, "choose one with --host and --name");
    assert!(!place.env.path("new.sqlite").exists());
    place.on("restore @ new.sqlite --name a/b%c").succeeds();
    assert_eq!(
        contents(&place.env.path("new.sqlite")),
        contents(&place.env.path("db.sqlite"))
    );
}

#[test]
#[ignore = "needs SeaweedFS and an SSH server; tests/stores/run"]
fn a_copy_is_read_by_its_url_whatever_the_name_of_its_database_has() {
    for kind in all() {
        let place = TestStore::new(kind);
        for name in ["100%/größe@home", "a b+c&d=e#f?g;h'i\"j\\k<l>", "@globals"] {
            let mut command = place.program("dump db.sqlite --name");
            Run::finish(command.arg(name)).succeeds();
            let urls = place.copy("");
            assert_eq!(urls.len(), 1, "{kind:?}: {name}");
            let verified = place.on(&format!("verify {}", urls[0])).succeeds();
            assert!(verified.stdout.contains(": good, "), "{name}: {verified:?}");
            let restore = format!("restore {} new.sqlite --replace --without-saving", urls[0]);
            place.on(&restore).succeeds();
            assert_eq!(
                contents(&place.env.path("new.sqlite")),
                contents(&place.env.path("db.sqlite")),
                "{kind:?}: {name}"
            );
        }
        assert_eq!(place.stored().len(), 6, "{kind:?}: {:?}", place.stored());
    }
}

#[test]
#[ignore = "needs SeaweedFS and an SSH server; tests/stores/run"]
fn a_run_catches_up_with_the_newest_of_each_database_first() {
    for kind in all() {
        let place = TestStore::new(kind);
        let dumps: Vec<_> = (0..3).map(|_| place.dump()).collect();
        let other = place.env.dump("db.sqlite --name other");
        let urls = place.copy("");
        let names: Vec<_> = urls
            .iter()
            .map(|url| url.rsplit('/').next().unwrap())
            .collect();
        let name =
            |path: &std::path::PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        let firsts = [names[0].to_owned(), names[1].to_owned()];
        assert!(
            firsts.contains(&name(&dumps[2])) && firsts.contains(&name(&other)),
            "{names:?}"
        );
        assert_eq!(names[2..], [name(&dumps[1]), name(&dumps[0])], "{kind:?}");
    }
}

#[test]
fn a_directory_of_directories_is_walked() {
    let place = TestStore::new(StoreKind::Directory);
    std::fs::create_dir(place.env.path("all")).unwrap();
    for name in ["one", "two"] {
        place
            .env
            .dump(&format!("db.sqlite --name {name} --to all/{name}"));
    }
    let mut command = place.program("copy all --to");
    let run = Run::finish(command.arg(&place.url)).succeeds();
    assert_eq!(run.stdout.lines().count(), 2);
    place
        .run("copy state --to stored")
        .fails(1, "there are no dumps to copy in state");
}

/// As systemd has the directories of dynamic users: a symlink below the directory that the user names.
#[test]
fn a_symlink_to_a_dump_directory_is_followed_and_each_directory_is_copied_once() {
    use std::os::unix::fs::{chown, lchown, symlink};
    let place = TestStore::new(StoreKind::Directory);
    for name in ["all", "private", "others"] {
        std::fs::create_dir(place.env.path(name)).unwrap();
    }
    for name in ["all/one", "private/two", "others/three"] {
        place.env.dump(&format!(
            "db.sqlite --to {name} --name {}",
            &name[name.len() - 3..]
        ));
    }
    let root = rustix::process::geteuid().is_root();
    if root {
        for name in ["private/two", "others/three"] {
            chown(place.env.path(name), Some(1234), Some(1234)).unwrap();
        }
    }
    symlink("../private/two", place.env.path("all/two")).unwrap();
    symlink("two", place.env.path("all/again")).unwrap();
    symlink("one", place.env.path("all/1")).unwrap();
    symlink("missing", place.env.path("all/dangling")).unwrap();
    symlink("/etc/passwd", place.env.path("all/file")).unwrap();
    let run = place.on("copy all --to @").succeeds();
    assert_eq!(run.stdout.lines().count(), 2, "{run:?}");
    assert!(!run.stderr.contains("is not copied"), "{run:?}");
    assert_eq!(place.on("copy all --to @").succeeds().stdout, "");
    if !root {
        return crate::support::skipped("only root can give a symlink away");
    }
    // A third user's symlink may lead anywhere.
    let link = place.env.path("all/three");
    symlink("../others/three", &link).unwrap();
    lchown(&link, Some(1235), Some(1235)).unwrap();
    let run = place.on("copy all --to @").succeeds();
    assert_eq!(run.stdout, "", "{run:?}");
    assert_eq!(run.stderr.matches("three is not copied: ").count(), 1);
    assert!(
        run.stderr.contains("is a symlink that user 1235 controls"),
        "{run:?}"
    );
    lchown(&link, Some(0), Some(0)).unwrap();
    let run = place.on("copy all --to @").succeeds();
    assert_eq!(run.stdout.lines().count(), 1, "{run:?}");
}

#[test]
#[ignore = "needs SeaweedFS and an SSH server; tests/stores/run"]
fn memory_is_limited_and_a_large_dump_goes_in_parts() {
    use crate::support::{database::make_large, ended::end_and_peak_memory};
    for kind in all() {
        let place = TestStore::new(kind);
        drop(make_large(
            &place.env.path("large.sqlite"),
            "DELETE",
            70 << 20,
        ));
        place.env.dump("large.sqlite --compress zstd:1");
        let mut command = place.program("copy dump --to");
        let keys = crate::encryption::Keys::new(&place.env);
        command.arg(&place.url).args(["--recipient", &keys.public]);
        command
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        let (run, peak) = end_and_peak_memory(command.spawn().unwrap());
        let run = run.succeeds();
        eprintln!("{kind:?}: peak {} MiB: {}", peak >> 20, run.stderr.trim());
        assert!(peak <= 64 << 20, "{kind:?}: {peak}");
        place.on("restore @ new.sqlite --identity key").succeeds();
        assert!(
            contents(&place.env.path("new.sqlite")) == contents(&place.env.path("large.sqlite")),
            "{kind:?}"
        );
    }
}
