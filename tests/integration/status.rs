//! `status`: what it says about databases that are dumped, and about those that are not.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use serde_json::Value;

use crate::support::{Env, database, planted, skipped};

const STATE: &str = ".dump-database.state";

fn rows(env: &Env, args: &str) -> Vec<Value> {
    let run = env.run(&format!("status --json {args}"));
    serde_json::from_str(&run.stdout).unwrap()
}

/// Makes a dump older.
fn age(dump: &Path, seconds: i64) {
    planted::plant(dump, planted::ago(seconds));
    fs::remove_file(dump).unwrap();
}

#[test]
fn a_fresh_dump_is_well_and_an_old_one_is_not() {
    let env = Env::with_database();
    let dump = env.dump("db.sqlite");
    let run = env.run("status --max-age 30m").succeeds();
    assert!(run.stdout.contains("last run"), "{run:?}");
    let row = &rows(&env, "")[0];
    assert_eq!(row["database"], "db");
    assert_eq!(row["engine"], "sqlite");
    assert_eq!(row["kept"], 1);
    assert_eq!(row["bytes"], fs::metadata(&dump).unwrap().len());
    assert!(row["attempt"]["seconds"].as_f64().unwrap() > 0.0, "{row}");
    assert!(row["problem"].is_null() && row["drill"].is_null(), "{row}");

    age(&dump, 7200);
    env.run("status --max-age 3h").succeeds();
    let run = env.run("status --max-age 30m");
    run.reports(1, "the newest is 2h old")
        .fails(1, "problems in 1 of 1 database: db");
}

#[test]
fn a_run_that_failed_is_told_until_one_succeeds() {
    let env = Env::with_database();
    env.dump("db.sqlite");
    fs::rename(env.path("db.sqlite"), env.path("elsewhere")).unwrap();
    env.run("dump db.sqlite").fails(1, "was not dumped");
    fs::write(env.path("other.sqlite"), "no database".repeat(1000)).unwrap();
    env.run("dump other.sqlite").fails(1, "was not dumped");
    let run = env.run("status").reports(1, "the last run failed: ");
    assert!(run.stdout.contains("FAILED"), "{run:?}");
    // This database was tried, and never dumped.
    assert!(
        run.stderr
            .contains("problems in 2 of 2 databases: db, other"),
        "{run:?}"
    );

    fs::rename(env.path("elsewhere"), env.path("db.sqlite")).unwrap();
    fs::remove_file(env.path("other.sqlite")).unwrap();
    database::make_small(&env.path("other.sqlite"));
    env.run("dump db.sqlite other.sqlite").succeeds();
    env.run("status").succeeds();
}

#[test]
fn what_was_never_dumped_or_lost_its_dumps_is_told() {
    let env = Env::with_database();
    env.run("status")
        .reports(1, "cannot open the dump directory");
    fs::create_dir(env.dumps()).unwrap();
    env.run("status").reports(1, "never dumped");
    let dump = env.dump("db.sqlite");
    env.run("status").succeeds();
    fs::remove_file(dump).unwrap();
    env.run("status").reports(1, "its dumps are gone");
}

#[test]
fn a_mistyped_database_is_not_asked_for_and_one_that_is_gone_can_be_forgotten() {
    let env = Env::with_database();
    env.dump("db.sqlite");
    env.run("dump dq.sqlite").fails(1, "dq.sqlite");
    env.run("status").succeeds();
    database::make_small(&env.path("gone.sqlite"));
    let gone = env.dump("gone.sqlite");
    env.run("rotate --forget gone")
        .fails(1, "holds 1 dump of gone; remove it first");
    fs::remove_file(gone).unwrap();
    fs::remove_file(env.path("gone.sqlite")).unwrap();
    env.run("status").reports(1, "its dumps are gone");
    // It was dumped here, so a run that does not find it reports this until it is forgotten.
    env.run("dump gone.sqlite").fails(1, "gone.sqlite");
    env.run("status").reports(1, "the last run failed");
    env.run("rotate --forget gone").succeeds();
    env.run("status").succeeds();
    env.run("rotate --forget gone")
        .fails(1, "there is no record");
    assert_eq!(env.names().len(), 1);
}

#[test]
fn of_several_directories_each_line_says_which() {
    let env = Env::with_database();
    env.dump("db.sqlite");
    let run = env.run("status").succeeds();
    assert!(!run.stdout.contains("directory"), "{run:?}");
    env.run("dump db.sqlite --to second").succeeds();
    let run = env.run("status dump second").succeeds();
    for (line, directory) in run.stdout.lines().skip(1).zip(["dump", "second"]) {
        let path = env.path(directory).display().to_string();
        assert!(line.contains(&path), "no {path}: {run:?}");
    }
}

/// The owner of the directory can write the record.
#[test]
#[ignore = "needs root"]
fn anothers_record_does_not_make_an_old_dump_fresh() {
    let env = Env::with_database();
    let dump = env.run("dump --skip-unchanged db.sqlite").succeeds();
    let dump = dump.paths().remove(0);
    planted::plant(&dump, planted::ago(90 * 86_400));
    fs::remove_file(&dump).unwrap();
    env.run("dump --skip-unchanged db.sqlite").succeeds();
    assert_eq!(env.names().len(), 1);
    env.run("status --max-age 30m").succeeds();
    let state = env.dumps().join(".dump-database.state");
    if chown(&state, Some(1234), Some(1234)).is_err() {
        return skipped("only root can give files away");
    }
    env.run("status --max-age 30m").reports(1, "90d old");
    env.run("status --max-age 30m --trust-records").succeeds();
    // A file of this user in a directory of another user may be an old file of this user.
    chown(&state, Some(0), Some(0)).unwrap();
    for (mode, is_ours) in [(0o777, false), (0o775, false), (0o755, true)] {
        fs::set_permissions(env.dumps(), fs::Permissions::from_mode(mode)).unwrap();
        let run = env.run("status --max-age 30m");
        assert_eq!(run.status, Some(i32::from(!is_ours)), "{mode:o}: {run:?}");
    }
    chown(env.dumps(), Some(1234), Some(1234)).unwrap();
    env.run("status --max-age 30m").reports(1, "90d old");
}

/// Overwrites the header of a dump.
pub(crate) fn damage_header(dump: &Path) {
    let mut bytes = fs::read(dump).unwrap();
    bytes[20..400].fill(0xff);
    fs::write(dump, bytes).unwrap();
}

/// The directory holds two databases, and the dumps of one of them cannot be used.
#[test]
fn a_database_whose_dumps_cannot_be_used_is_told_and_fails_its_drill() {
    let env = Env::with_database();
    database::make_small(&env.path("other.sqlite"));
    env.dump("other.sqlite");
    let dumps = [env.dump("db.sqlite"), env.dump("db.sqlite")];
    env.run("status").succeeds();
    let [older, newest] = dumps.each_ref().map(|dump| {
        let name = dump.file_name().unwrap().to_str().unwrap();
        format!("{name} cannot be used: ")
    });

    damage_header(&dumps[1]);
    env.run("status").reports(1, &newest);
    let drill = env.run("drill").fails(1, "");
    assert!(
        drill.stdout.contains("it is not a complete dump"),
        "{drill:?}"
    );
    assert_eq!(drill.stdout.lines().count(), 2, "{drill:?}");

    damage_header(&dumps[0]);
    fs::remove_file(&dumps[1]).unwrap();
    fs::rename(env.path("db.sqlite"), env.path("elsewhere")).unwrap();
    env.run("dump db.sqlite").fails(1, "was not dumped");
    let run = env.run("status").reports(1, &older);
    assert!(run.stdout.contains("the last run failed"), "{run:?}");
    env.run("drill").fails(1, "");
}

#[test]
fn dumps_dated_after_now_hide_no_failure() {
    let env = Env::with_database();
    let dump = env.dump("db.sqlite");
    planted::plant(&dump, planted::ago(-400 * 86_400));
    fs::remove_file(dump).unwrap();
    fs::rename(env.path("db.sqlite"), env.path("elsewhere")).unwrap();
    env.run("dump db.sqlite").fails(1, "was not dumped");
    let run = env
        .run("status")
        .reports(1, "its dumps are dated after now");
    assert!(run.stdout.contains("the last run failed"), "{run:?}");
    // Its header has another time.
    let dump = env.path("dump").join(&env.names()[0]);
    fs::rename(dump, env.path("dump/db-20990101T000000Z.sqlite.gz")).unwrap();
    env.run("status")
        .reports(1, "its dumps are dated after now");
}

#[test]
fn a_lost_or_damaged_state_is_begun_anew_from_the_dumps() {
    let env = Env::with_database();
    env.dump("db.sqlite");
    let state = env.dumps().join(STATE);
    for damage in [&b""[..], b"{", b"[1]", &[0xff; 100]] {
        fs::write(&state, damage).unwrap();
        let run = env.run("status --max-age 30m").succeeds();
        assert!(run.stderr.contains("a new record begins"), "{run:?}");
        env.dump("db.sqlite");
        let run = env.run("status --max-age 30m").succeeds();
        assert!(!run.stderr.contains("anew"), "{run:?}");
    }
    fs::remove_file(&state).unwrap();
    let row = &rows(&env, "--max-age 30m")[0];
    assert!(
        row["problem"].is_null() && row["attempt"]["error"].is_null(),
        "{row}"
    );
    // A link to another file is not followed.
    fs::write(env.path("precious"), "precious").unwrap();
    std::os::unix::fs::symlink("../precious", &state).unwrap();
    env.dump("db.sqlite");
    assert_eq!(fs::read(env.path("precious")).unwrap(), b"precious");
}
