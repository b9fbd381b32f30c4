//! Named pipes that no process writes to, under names that a run opens.

use std::fs;
use std::time::Duration;

use super::{Attack, give, scene, script};
use crate::support::database::make_large;
use crate::support::ended::end_within;
use crate::support::{Env, Run, wait_until};

/// The longest time a run may take; its work takes well under a second.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs the program, which must end by itself.
#[track_caller]
fn ends(env: &Env, args: &str) -> Run {
    end_within(PATIENCE, env.start(args))
}

#[test]
fn beside_a_database() {
    let Some(env) = scene() else { return };
    for mode in ["WAL", "DELETE"] {
        for side in ["-journal", "-wal", "-shm"] {
            let shop = env.path("home/shop.db");
            drop(make_large(&shop, mode, 10_000));
            give(&shop);
            script(&env, &format!("rm -f shop.db-*; mkfifo shop.db{side}"));
            let run = ends(&env, "dump home/shop.db --timeout 5s");
            if run.status != Some(0) {
                assert!(
                    run.stderr
                        .contains(&format!("shop.db{side} is not a regular file")),
                    "{mode} {side}: {run:?}"
                );
            }
            drop(fs::remove_file(&shop));
        }
    }
}

/// A pipe appears and disappears, so it may also appear after any check of the run.
#[test]
fn beside_a_database_now_and_then() {
    let Some(env) = scene() else { return };
    for mode in ["WAL", "DELETE"] {
        let shop = env.path("home/shop.db");
        drop(make_large(&shop, mode, 10_000));
        give(&shop);
        let attack = Attack::start(
            &env,
            "os.mkfifo('p')
             os.rename('p', 'shop.db-journal')
             os.unlink('shop.db-journal')
             os.mkfifo('p')
             os.rename('p', 'shop.db-wal')
             os.unlink('shop.db-wal')",
        );
        for _ in 0..15 {
            ends(&env, "dump home/shop.db --timeout 5s");
        }
        drop(attack);
        script(&env, "rm -f shop.db*");
    }
}

#[test]
fn beside_the_target_of_a_restore() {
    let Some(env) = scene() else { return };
    drop(make_large(&env.path("db.sqlite"), "WAL", 10_000));
    let dump = env.dump("db.sqlite");
    let dump = dump.display();
    script(
        &env,
        "for n in $(seq 1 50); do mkfifo .look.db.restoring-$n; done",
    );
    ends(&env, &format!("restore {dump} home/look.db --timeout 5s")).succeeds();
    let shop = env.path("home/shop.db");
    drop(make_large(&shop, "DELETE", 10_000));
    give(&shop);
    script(&env, "mkfifo shop.db-journal");
    let args = format!("restore {dump} home/shop.db --replace --to saved --timeout 5s");
    let run = ends(&env, &args).fails(1, "shop.db was not restored");
    assert!(run.stderr.contains("shop.db-journal"), "{run:?}");
}

/// Another user keeps replacing a dump with a pipe: also between the check of a file and its
/// opening.
#[test]
fn in_place_of_a_dump() {
    let Some(env) = scene() else { return };
    drop(make_large(&env.path("db.sqlite"), "WAL", 10_000));
    script(&env, "mkdir dumps");
    env.dump("db.sqlite --to home/dumps");
    let dump = env.dump("db.sqlite --to home/dumps");
    let name = dump.file_name().unwrap().to_str().unwrap().to_owned();
    let attack = Attack::start(
        &env,
        &format!(
            "os.mkfifo('p')
             os.rename('dumps/{name}', 'kept')
             os.rename('p', 'dumps/{name}')
             os.rename('kept', 'dumps/{name}')"
        ),
    );
    for _ in 0..12 {
        for command in ["status", "list", "verify", "drill"] {
            ends(&env, &format!("{command} home/dumps"));
        }
        ends(&env, &format!("verify home/dumps/{name}"));
        ends(&env, "dump db.sqlite --to home/dumps --keep 9");
    }
    drop(attack);
}

/// The second user keeps a lease on every file: to open such a file without more ado takes 45 seconds.
#[test]
fn a_lease_delays_no_run() {
    let Some(env) = scene() else { return };
    drop(make_large(&env.path("home/shop.db"), "DELETE", 10_000));
    give(&env.path("home/shop.db"));
    let dump = env.dump("home/shop.db --to home/dumps");
    give(&env.path("home/dumps"));
    for file in fs::read_dir(env.path("home/dumps")).unwrap() {
        give(&file.unwrap().path());
    }
    let attack = Attack::start(
        &env,
        "import fcntl, signal
         signal.signal(signal.SIGIO, signal.SIG_IGN)
         names = ['shop.db'] + ['dumps/' + name for name in os.listdir('dumps')]
         files = globals().get('files') or [os.open(name, os.O_RDWR) for name in names]
         [fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK) for file in files]",
    );
    let leases = || {
        fs::read_to_string("/proc/locks")
            .unwrap()
            .matches("LEASE")
            .count()
    };
    wait_until(|| leases() >= 4);
    let refused = "Resource temporarily unavailable";
    ends(&env, "dump home/shop.db --to dump").fails(1, "shop was not dumped");
    ends(&env, "dump home/shop.db --to home/dumps").fails(1, refused);
    ends(&env, "rotate home/dumps").fails(1, refused);
    ends(&env, "status home/dumps").fails(1, "");
    ends(&env, "list home/dumps");
    let dump = dump.display();
    ends(&env, &format!("verify {dump}")).reports(1, refused);
    ends(&env, &format!("restore {dump} new.sqlite")).fails(1, refused);
    drop(attack);
}
