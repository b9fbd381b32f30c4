//! Symlinks that another user controls, in the path of a restore or a dump.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use super::{Attack, OTHER, give, scene, script};
use crate::support::database::{contents, make_small};
use crate::support::{Env, Run, inventory, names, set_mode};

/// The number of times that each race is run.
const ROUNDS: usize = 25;

/// Makes a dump of root, and files of root in `root`, one of which is not a database. Returns the
/// path of the dump; `None` if the tests do not run as root.
fn with_root_files() -> Option<(Env, PathBuf)> {
    let env = scene()?;
    fs::create_dir(env.path("root")).unwrap();
    make_small(&env.path("root/secret.sqlite"));
    set_mode(&env.path("root/secret.sqlite"), 0o600);
    fs::write(env.path("root/passwd"), "root:x:0:0::/root:/bin/sh\n").unwrap();
    drop(make_small(&env.path("db.sqlite")));
    let dump = env.dump("db.sqlite");
    Some((env, dump))
}

fn restore(env: &Env, dump: &Path, target: &str) -> Run {
    let dump = dump.display();
    env.run(&format!("restore {dump} {target} --replace --to saved"))
}

#[test]
fn a_restore_follows_no_symlink_that_the_targets_owner_does_not_control() {
    let Some((env, dump)) = with_root_files() else {
        return;
    };
    script(
        &env,
        "ln -s ../root/passwd file; ln -s ../root/secret.sqlite database; ln -s ../root directory;
         ln -s file chain",
    );
    let before = inventory(&env.path("root"));
    for target in [
        "file",
        "chain",
        "database",
        "directory/passwd",
        "directory/new",
    ] {
        let run = restore(&env, &dump, &format!("home/{target}"));
        run.fails(1, &format!("is a symlink that user {OTHER} controls"));
        assert_eq!(inventory(&env.path("root")), before, "{target}");
    }

    // A symlink of root in the second user's directory may have been moved there.
    symlink("../root/passwd", env.path("home/moved")).unwrap();
    restore(&env, &dump, "home/moved").fails(1, "is a symlink that user 1234 controls");
    assert_eq!(inventory(&env.path("root")), before);

    // Root's own symlink to root's own file, which is not a database.
    symlink("root/passwd", env.path("own")).unwrap();
    restore(&env, &dump, "own").fails(1, "is not an SQLite database");
    assert_eq!(inventory(&env.path("root")), before);

    // A restore follows the second user's symlinks to the second user's files.
    drop(make_small(&env.path("home/shop.db")));
    give(&env.path("home/shop.db"));
    script(&env, "ln -s shop.db link");
    restore(&env, &dump, "home/link").succeeds();
    assert!(env.path("home/link").is_symlink());
    assert_eq!(env.path("home/shop.db").metadata().unwrap().uid(), OTHER);
}

#[test]
fn a_restored_file_runs_as_nobody() {
    let Some((env, dump)) = with_root_files() else {
        return;
    };
    drop(make_small(&env.path("home/shop.db")));
    give(&env.path("home/shop.db"));
    set_mode(&env.path("home/shop.db"), 0o6755);
    restore(&env, &dump, "home/shop.db").succeeds();
    let mode = env.path("home/shop.db").metadata().unwrap().mode();
    assert_eq!(mode & 0o7777, 0o755);
}

/// The second user keeps replacing the target with a symlink to root's file, and back.
#[test]
fn a_target_exchanged_for_a_symlink_leads_nowhere() {
    let Some((env, dump)) = with_root_files() else {
        return;
    };
    drop(make_small(&env.path("home/shop.db")));
    give(&env.path("home/shop.db"));
    fs::create_dir(env.path("home/inner")).unwrap();
    give(&env.path("home/inner"));
    fs::copy(env.path("home/shop.db"), env.path("home/inner/passwd")).unwrap();
    give(&env.path("home/inner/passwd"));
    let before = inventory(&env.path("root"));
    let attack = Attack::start(
        &env,
        "os.symlink('../root/secret.sqlite', 'l')
         os.rename('shop.db', 'kept')
         os.rename('l', 'shop.db')
         os.rename('kept', 'shop.db')
         os.rename('inner', 'other')
         os.symlink('../root', 'inner')
         os.unlink('inner')
         os.rename('other', 'inner')",
    );
    let mut refused = 0;
    for round in 0..ROUNDS {
        for target in ["home/shop.db", "home/inner/passwd"] {
            refused += usize::from(restore(&env, &dump, target).status != Some(0));
            assert_eq!(inventory(&env.path("root")), before, "{round} {target}");
        }
    }
    drop(attack);
    assert!(refused > 0, "the attack never hit");
    // Root's database was also not saved as the database that the restore replaces.
    let saved = names(&env.path("saved"));
    assert!(
        saved.iter().all(|name| !name.starts_with("secret")),
        "{saved:?}"
    );
}

#[test]
fn a_dump_follows_no_symlink_to_a_database_of_roots() {
    let Some((env, _)) = with_root_files() else {
        return;
    };
    script(
        &env,
        "mkdir dumps; ln -s ../root/secret.sqlite shop.db; ln -s ../root elsewhere",
    );
    env.run("dump home/shop.db --to home/dumps")
        .fails(1, "is a symlink that user 1234 controls");
    env.run("dump db.sqlite --to home/elsewhere")
        .fails(1, "is a symlink that user 1234 controls");
    env.run("dump db.sqlite --to home/elsewhere/new")
        .fails(1, "is a symlink that user 1234 controls");
    assert_eq!(names(&env.path("root")), ["passwd", "secret.sqlite"]);
}

/// No command changes or reads a directory of root through a symlink of the second user.
#[test]
fn no_command_follows_a_symlink_to_a_dump_directory_of_roots() {
    let Some((env, dump)) = with_root_files() else {
        return;
    };
    env.dump("db.sqlite");
    script(&env, "ln -s ../dump dumps");
    let before = inventory(&env.dumps());
    for command in [
        "rotate home/dumps --keep 1",
        "rotate home/dumps --dry-run --keep 1",
        "rotate home/dumps --forget gone",
        "drill home/dumps",
        "verify home/dumps",
        "list home/dumps",
        "restore home/dumps new.db",
    ] {
        env.run(command)
            .fails(1, "is a symlink that user 1234 controls");
        assert_eq!(inventory(&env.dumps()), before, "{command}");
    }
    // The same holds for a dump that the command line names.
    let name = dump.file_name().unwrap().to_str().unwrap();
    refuses_to_read(&env, &format!("home/dumps/{name}"));
    assert_eq!(inventory(&env.dumps()), before);
}

/// Every command that reads a named dump refuses `dump`, and restores nothing.
#[track_caller]
fn refuses_to_read(env: &Env, dump: &str) {
    for command in [
        format!("restore {dump} home/new.db"),
        format!("verify {dump}"),
        format!("drill {dump}"),
    ] {
        env.run(&command)
            .fails(1, &format!("is a symlink that user {OTHER} controls"));
        assert!(!env.path("home/new.db").exists(), "{command}");
    }
}

/// The second user, who owns a dump directory, puts symlinks in the place of dumps. The content of
/// root's dump would land in a file of the second user.
#[test]
fn no_command_reads_a_named_dump_through_a_symlink_of_another_user() {
    let Some((env, dump)) = with_root_files() else {
        return;
    };
    let name = dump.file_name().unwrap().to_str().unwrap();
    script(
        &env,
        &format!("mkdir dumps; ln -s ../../dump/{name} dumps/{name}; ln -s dumps/{name} chain"),
    );
    refuses_to_read(&env, &format!("home/dumps/{name}"));
    refuses_to_read(&env, "home/chain");
    // A symlink of root in the second user's directory may have been moved there.
    symlink(&dump, env.path(format!("home/dumps/moved-{name}"))).unwrap();
    refuses_to_read(&env, &format!("home/dumps/moved-{name}"));
    // The dump of a third user is not the second user's either.
    std::os::unix::fs::chown(&dump, Some(OTHER + 1), Some(OTHER + 1)).unwrap();
    refuses_to_read(&env, &format!("home/dumps/{name}"));

    // Root's own symlink, and the second user's symlink to the second user's dump, are followed.
    give(&dump);
    let shop = env.path("home/dumps/latest.sqlite.gz");
    script(
        &env,
        &format!("ln -sf ../../dump/{name} dumps/latest.sqlite.gz"),
    );
    symlink(&dump, env.path("own.sqlite.gz")).unwrap();
    for (number, link) in [shop, env.path("own.sqlite.gz")].iter().enumerate() {
        let link = link.display();
        env.run(&format!("restore {link} new-{number}.db"))
            .succeeds();
        env.run(&format!("verify {link}")).succeeds();
        env.run(&format!("drill {link}")).succeeds();
    }
}

/// The second user keeps replacing a dump with a symlink to root's dump, and back.
#[test]
#[ignore = "needs sqlite3"]
fn a_named_dump_exchanged_for_a_symlink_is_not_read() {
    let Some((env, secret)) = with_root_files() else {
        return;
    };
    drop(make_small(&env.path("home/shop.db")));
    let shop = rusqlite::Connection::open(env.path("home/shop.db")).unwrap();
    shop.execute_batch("PRAGMA journal_mode = DELETE; CREATE TABLE own (x)")
        .unwrap();
    drop(shop);
    give(&env.path("home/shop.db"));
    let dump = env.dump("home/shop.db --to home/dumps");
    give(&env.path("home/dumps"));
    give(&dump);
    let name = dump.file_name().unwrap().to_str().unwrap();
    let attack = Attack::start(
        &env,
        &format!(
            "os.symlink('{}', 'l')
             os.rename('dumps/{name}', 'kept')
             os.rename('l', 'dumps/{name}')
             os.rename('kept', 'dumps/{name}')",
            secret.display()
        ),
    );
    let (mut restored, mut refused) = (0, 0);
    while restored < ROUNDS || refused < ROUNDS / 5 {
        let target = format!("new-{restored}.db");
        let run = env.run(&format!("restore home/dumps/{name} {target}"));
        if run.status == Some(0) {
            restored += 1;
            let content = contents(&env.path(target));
            assert!(content.contains("CREATE TABLE own"), "{content}");
        } else {
            refused += usize::from(run.stderr.contains("is a symlink that user"));
        }
        assert!(restored < 40 * ROUNDS, "the attack never hits");
    }
    drop(attack);
}

/// The second user keeps replacing the source with a symlink to root's database, and back: no dump
/// holds the content of root's database.
#[test]
#[ignore = "needs sqlite3"]
fn a_source_exchanged_for_a_symlink_is_not_dumped() {
    let Some((env, _)) = with_root_files() else {
        return;
    };
    let secret = rusqlite::Connection::open(env.path("root/secret.sqlite")).unwrap();
    secret
        .execute_batch("PRAGMA journal_mode = DELETE; CREATE TABLE hidden (x)")
        .unwrap();
    drop(secret);
    for mode in ["WAL", "DELETE"] {
        let shop = env.path("home/shop.db");
        drop(crate::support::database::make_large(&shop, mode, 10_000));
        give(&shop);
        let attack = Attack::start(
            &env,
            "os.symlink('../root/secret.sqlite', 'l')
             os.rename('shop.db', 'kept')
             os.rename('l', 'shop.db')
             os.rename('kept', 'shop.db')",
        );
        for _ in 0..ROUNDS {
            env.run("dump home/shop.db --keep 99");
        }
        drop(attack);
        script(&env, "rm -f shop.db* kept l");
    }
    for name in env.names().iter().filter(|name| name.starts_with("shop")) {
        let copy = format!("{name}.sqlite");
        env.run(&format!("restore dump/{name} {copy}")).succeeds();
        assert!(!contents(&env.path(copy)).contains("hidden"));
    }
}
