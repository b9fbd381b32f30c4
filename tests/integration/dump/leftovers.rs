//! Files that crashed runs left in the directory.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::support::{Env, planted};

/// Makes a temporary file of this age in `dump`, as process 4711 of `host` would have left it.
fn make_leftover(env: &Env, host: &str, age: Duration) -> PathBuf {
    let path = env
        .dumps()
        .join(format!(".dump-database-{host}-4711-0.tmp"));
    let file = fs::File::create(&path).unwrap();
    file.set_modified(SystemTime::now() - age).unwrap();
    path
}

fn host() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}

const HOUR: Duration = Duration::from_hours(1);

#[test]
fn this_hosts_are_removed_and_anothers_only_when_old() {
    let env = Env::with_database();
    env.dump("db.sqlite");
    let own = make_leftover(&env, &host(), Duration::ZERO);
    let old = make_leftover(&env, "elsewhere", 2 * HOUR);
    let young = make_leftover(&env, "elsewhere.example", HOUR / 2);
    let namesake = make_leftover(&env, &format!("{}-2", host()), HOUR / 2);
    let ahead = env.dumps().join(".dump-database-ahead-1-0.tmp");
    fs::File::create(&ahead)
        .unwrap()
        .set_modified(SystemTime::now() + 48 * HOUR)
        .unwrap();
    let foreign = env.dumps().join(".dump-database-notes.txt");
    fs::write(&foreign, "foreign").unwrap();

    let run = env.run("dump db.sqlite").succeeds();
    assert!(!own.exists() && !old.exists(), "{run:?}");
    for path in [&young, &namesake, &ahead, &foreign] {
        assert!(path.exists(), "{}: {run:?}", path.display());
    }
    for (path, what) in [(&own, "removed "), (&old, "removed "), (&young, "kept ")] {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(run.stderr.contains(&format!("{what}{name}")), "{run:?}");
    }
    env.run("dump db.sqlite --timeout 10m").succeeds();
    assert!(!young.exists() && !namesake.exists() && ahead.exists());
}

#[test]
fn one_that_is_a_published_dump_by_another_name_is_only_unlinked() {
    let env = Env::with_database();
    let dump = env.dump("db.sqlite");
    let content = fs::read(&dump).unwrap();
    let temporary = env
        .dumps()
        .join(format!(".dump-database-{}-4711-0.tmp", host()));
    fs::hard_link(&dump, &temporary).unwrap();
    env.dump("db.sqlite");
    assert!(!temporary.exists());
    assert_eq!(fs::read(&dump).unwrap(), content);
    env.run(&format!("verify {}", dump.display())).succeeds();
}

#[test]
fn a_link_out_of_the_directory_is_not_followed() {
    let env = Env::with_database();
    env.dump("db.sqlite");
    fs::write(env.path("precious"), "content").unwrap();
    let temporary = env
        .dumps()
        .join(format!(".dump-database-{}-4711-0.tmp", host()));
    std::os::unix::fs::symlink("../precious", &temporary).unwrap();
    env.dump("db.sqlite");
    assert!(temporary.symlink_metadata().is_err());
    assert_eq!(fs::read_to_string(env.path("precious")).unwrap(), "content");
}

#[test]
fn reading_commands_remove_nothing() {
    let env = Env::with_database();
    let dump = env.dump("db.sqlite");
    planted::plant(&dump, planted::ago(60));
    let own = make_leftover(&env, &host(), 2 * HOUR);
    for args in [
        "list",
        "verify",
        "restore dump restored.sqlite",
        "rotate --dry-run",
    ] {
        env.run(args).succeeds();
        assert!(own.exists(), "{args}");
    }
}
