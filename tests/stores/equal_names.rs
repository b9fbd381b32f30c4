//! Databases of one name in several dump directories: two servers, each with its `@globals`, or two
//! instances of one service.

use std::fs;
use std::os::unix::fs::chown;

use crate::postgresql::Server;
use crate::support::database::contents;
use crate::support::{Run, names};
use crate::test_store::{StoreKind, TestStore, all};

/// A destination, and a database `db.sqlite` in each of the directories `one` and `two`.
fn with_two_databases(kind: StoreKind) -> TestStore {
    let place = TestStore::new(kind);
    fs::create_dir(place.env.path("dumps")).unwrap();
    for name in ["one", "two"] {
        fs::create_dir(place.env.path(name)).unwrap();
        let path = place.env.path(format!("{name}/db.sqlite"));
        fs::copy(place.env.path("db.sqlite"), path).unwrap();
        change(&place, name);
    }
    place
}

/// Changes the database of a directory, so that no two dumps are the same.
fn change(place: &TestStore, name: &str) {
    let path = place.env.path(format!("{name}/db.sqlite"));
    let db = rusqlite::Connection::open(path).unwrap();
    let sql = format!("INSERT INTO person (name) VALUES ('{name}' || hex(randomblob(16)))");
    db.execute(&sql, ()).unwrap();
}

fn dump(place: &TestStore, name: &str) {
    change(place, name);
    let args = format!("{name}/db.sqlite --to dumps/{name}");
    place.env.dump(&args);
}

/// Dumps both databases in one second, so that the dumps have one name.
fn dump_both(place: &TestStore) {
    loop {
        for name in ["one", "two"] {
            dump(place, name);
        }
        let [one, two] = ["one", "two"].map(|name| names(&place.env.path(format!("dumps/{name}"))));
        if one == two {
            return;
        }
        for name in ["one", "two"] {
            fs::remove_dir_all(place.env.path(format!("dumps/{name}"))).unwrap();
        }
    }
}

/// Returns the folders of everything that is stored, each once.
fn folders(place: &TestStore) -> Vec<String> {
    let stored = place.stored();
    let folders = stored.iter().map(|path| path.rsplit_once('/').unwrap().0);
    let mut folders: Vec<_> = folders.map(str::to_owned).collect();
    folders.dedup();
    folders
}

/// Asserts that the folder `name` has the newest dump of a database.
#[track_caller]
fn restores(place: &TestStore, name: &str, database: &str) -> Run {
    let args = format!("restore @ new.sqlite --replace --without-saving --name {name}");
    let run = place.on(&args).succeeds();
    let expected = contents(&place.env.path(format!("{database}/db.sqlite")));
    assert_eq!(contents(&place.env.path("new.sqlite")), expected, "{name}");
    run
}

#[test]
#[ignore = "needs SeaweedFS and an SSH server; tests/stores/run"]
fn two_databases_of_one_name_and_second_are_both_copied_and_read() {
    for kind in all() {
        let place = with_two_databases(kind);
        dump_both(&place);
        let run = place.on("copy dumps --to @").succeeds();
        assert_eq!(run.stdout.lines().count(), 2, "{kind:?}: {run:?}");
        assert_eq!(folders(&place), ["web/db@one", "web/db@two"], "{kind:?}");
        for name in ["one", "two"] {
            restores(&place, &format!("db@{name}"), name);
        }
        place
            .on("restore @ wrong.sqlite --name db")
            .fails(2, "has copies of web/db@one, web/db@two; choose one");
        let stored = place.stored();
        assert_eq!(place.on("copy dumps --to @").succeeds().stdout, "");
        assert_eq!(place.stored(), stored, "{kind:?}");
        // Every command tells them apart.
        for (args, count) in [("list @", 2), ("verify @", 1), ("drill @", 1)] {
            let run = place.on(args).succeeds();
            for name in ["db@one", "db@two"] {
                assert!(run.stdout.matches(name).count() >= count, "{args}: {run:?}");
            }
        }
        let url = place.on("list @ --json").succeeds().stdout;
        let rows: serde_json::Value = serde_json::from_str(&url).unwrap();
        assert_eq!(rows[1]["database"], "db@two", "{url}");
        let url = rows[1]["url"].as_str().unwrap();
        let run = place.on(&format!("verify {url}")).succeeds();
        assert_eq!(run.stdout.lines().count(), 1, "{run:?}");
        place
            .run("status dumps/one dumps/two --max-copy-age 1h")
            .succeeds();
        // One of them is silent.
        for path in place.stored() {
            if path.starts_with("web/db@two/") {
                place.remove(&path);
            }
        }
        let last = jiff::Timestamp::now().as_second();
        crate::servers::wait_for("two seconds", || {
            jiff::Timestamp::now().as_second() > last + 2
        });
        dump(&place, "two");
        place.on("copy dumps/two --to @").succeeds();
        assert_eq!(folders(&place), ["web/db@one", "web/db@two"], "{kind:?}");
        let run = place.on("status @ --max-age 2s --json");
        let rows: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(rows[0]["database"], "db@one", "{run:?}");
        assert!(rows[0]["problem"].is_string(), "{run:?}");
        // Each is rotated by itself.
        dump(&place, "two");
        place.on("copy dumps/two --to @").succeeds();
        place.on("rotate @ --keep 1").succeeds();
        assert_eq!(place.stored().len(), 4, "{kind:?}: {:?}", place.stored());
    }
}

#[test]
fn a_second_server_does_not_move_the_copies_of_the_first() {
    let place = with_two_databases(StoreKind::Directory);
    dump(&place, "two");
    place.on("copy dumps --to @").succeeds();
    assert_eq!(folders(&place), ["web/db"]);
    restores(&place, "db", "two");
    // One sorts before two.
    dump(&place, "one");
    let run = place.on("copy dumps --to @").succeeds();
    assert_eq!(run.stdout.lines().count(), 1, "{run:?}");
    assert!(
        run.stderr
            .contains("dumps/one is copied into web/db@one, because"),
        "{run:?}"
    );
    assert_eq!(folders(&place), ["web/db", "web/db@one"]);
    place.on("restore @ wrong.sqlite --name db").fails(
        2,
        "has copies of web/db, web/db@one; choose one with --host and --name (--name db@ is the one",
    );
    restores(&place, "db@", "two");
    for name in ["one", "two"] {
        dump(&place, name);
    }
    let run = place.on("copy dumps/one --to @").succeeds();
    assert!(!run.stderr.contains("is copied into"), "{run:?}");
    place.on("copy dumps --to @").succeeds();
    assert_eq!(folders(&place), ["web/db", "web/db@one"]);
    restores(&place, "db@", "two");
    restores(&place, "db@one", "one");
    assert_eq!(place.stored().len(), 8, "{:?}", place.stored());
    // A directory that is moved goes on in its folder.
    fs::rename(place.env.path("dumps/one"), place.env.path("dumps/moved")).unwrap();
    assert_eq!(place.on("copy dumps --to @").succeeds().stdout, "");
    assert_eq!(folders(&place), ["web/db", "web/db@one"]);
}

#[test]
fn a_run_that_fails_first_has_recorded_the_folder() {
    let place = with_two_databases(StoreKind::Directory);
    dump(&place, "two");
    let blocked = place.env.path("stored");
    fs::create_dir(&blocked).unwrap();
    fs::write(blocked.join("web"), "").unwrap();
    place.on("copy dumps --to @").fails(1, "");
    // Only the folder is recorded, which is no copy.
    let run = place.on("status dumps/two --max-copy-age 1h");
    run.reports(1, "never copied to");
    fs::remove_file(blocked.join("web")).unwrap();
    dump(&place, "one");
    place.on("copy dumps --to @").succeeds();
    assert_eq!(folders(&place), ["web/db", "web/db@one"]);
    restores(&place, "db@", "two");
}

#[test]
fn databases_of_one_name_of_several_users_are_both_copied() {
    if !rustix::process::geteuid().is_root() {
        return crate::support::skipped("only root can give a directory away");
    }
    let place = with_two_databases(StoreKind::Directory);
    dump_both(&place);
    for (name, user) in [("one", 1234), ("two", 1235)] {
        let directory = place.env.path(format!("dumps/{name}"));
        chown(directory, Some(user), Some(user)).unwrap();
    }
    let run = place.on("copy dumps --to @").succeeds();
    assert_eq!(run.stdout.lines().count(), 2, "{run:?}");
    for name in ["one", "two"] {
        restores(&place, &format!("db@{name}"), name);
    }
    assert_eq!(place.on("copy dumps --to @").succeeds().stdout, "");
}

#[test]
#[ignore = "needs PostgreSQL"]
fn two_servers_are_restored_apart_with_their_roles() {
    let place = TestStore::new(StoreKind::Directory);
    let servers = [Server::start(), Server::start()];
    fs::create_dir(place.env.path("dumps")).unwrap();
    for (server, name) in servers.iter().zip(["one", "two"]) {
        server.psql("postgres", &format!("CREATE ROLE role_{name}"));
        server.psql("postgres", "CREATE DATABASE app");
        let sql = format!("CREATE TABLE t AS SELECT '{name}' AS x");
        server.psql("app", &sql);
        let args = format!("dump --to dumps/{name} {}", server.url(""));
        place.env.run(&args).succeeds();
    }
    place.on("copy dumps --to @").succeeds();
    let folders = folders(&place);
    for folder in ["@globals@one", "@globals@two", "app@one", "app@two"] {
        assert!(folders.contains(&format!("web/{folder}")), "{folders:?}");
    }
    let new = Server::start();
    let restore = |name: &str, database: &str| {
        let args = format!("restore @ {} --name {name}", new.url(database));
        place.on(&args).succeeds();
    };
    restore("@globals@two", "");
    restore("app@two", "app");
    let roles = "SELECT string_agg(rolname, ',') FROM pg_roles WHERE rolname LIKE 'role_%'";
    assert_eq!(new.psql("postgres", roles), "role_two");
    assert_eq!(new.psql("app", "SELECT x FROM t"), "two");
}
