//! A survey of root, of a machine on which another user has files and dumps.

use serde_json::Value;
use std::fs;

use super::{give, scene};
use crate::support::database::make_small;
use crate::support::{Env, PROGRAM, Run};
use crate::survey::rows_at;

/// Surveys `place` on a machine on which `/var/lib/dump-database` is the directory `machine` of the test.
fn survey(env: &Env, place: &str) -> Value {
    let mut unshare = env.command("unshare");
    let script = "mount -t tmpfs none /var/lib && mkdir /var/lib/dump-database \
         && mount --bind machine /var/lib/dump-database && exec \"$0\" survey --json \"$1\"";
    unshare.args(["--mount", "sh", "-euc", script, PROGRAM, place]);
    let run = Run::finish(&mut unshare);
    assert!(matches!(run.status, Some(0 | 1)), "{run:?}");
    serde_json::from_str(&run.stdout).unwrap()
}

/// The other user's dump directory holds a dump of a database of root.
#[test]
fn forged_dumps_cover_no_database_of_another_user() {
    let Some(env) = scene() else { return };
    fs::create_dir_all(env.path("machine/shop")).unwrap();
    drop(make_small(&env.path("db.sqlite")));
    env.dump("db.sqlite --to machine/shop");
    let is_covered = || {
        let answer = survey(&env, "db.sqlite");
        rows_at(&answer, "db.sqlite")[0]["covered"] == true
    };
    assert!(is_covered(), "the directory belongs to root");
    give(&env.path("machine/shop"));
    assert!(!is_covered(), "the directory belongs to the other user");
    give(&env.path("db.sqlite"));
    assert!(is_covered(), "so does the database");
    // What the user names counts.
    std::os::unix::fs::chown(env.path("db.sqlite"), Some(0), Some(0)).unwrap();
    let answer = crate::survey::survey(&env, "--dumps machine/shop db.sqlite");
    assert_eq!(rows_at(&answer, "db.sqlite")[0]["covered"], true);
}
