//! A dump directory that belongs to another user, who exchanges files in it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use dump_database::name::DumpName;

use super::{Attack, OTHER, as_other, give, scene, script};
use crate::support::database::{make_large, make_small};
use crate::support::{Env, inventory, names, planted, set_mode};

/// The most dumps that one race is tried on, and the fewest: on a busy machine the attack comes too late
/// most times.
const ROUNDS: usize = 100;
const FEWEST: usize = 12;

/// The other user replaces the run's copy of a rollback-journal database with a symlink as soon as
/// the copy appears.
#[test]
fn a_copy_exchanged_for_a_symlink_is_not_written_through() {
    let Some(env) = scene() else { return };
    fs::create_dir(env.path("root")).unwrap();
    drop(make_small(&env.path("root/precious")));
    drop(make_large(&env.path("db.sqlite"), "DELETE", 4_000_000));
    set_mode(&env.path("db.sqlite"), 0o600);
    script(&env, "mkdir dumps");
    let before = inventory(&env.path("root"));
    for to in ["precious", "created"] {
        let attack = Attack::start(
            &env,
            &format!(
                "n = [n for n in os.listdir('dumps') if n.endswith('-0.tmp')]
                 n and os.symlink('../../root/{to}', 'l')
                 n and os.rename('l', 'dumps/' + n[0])"
            ),
        );
        let mut refused = 0;
        for round in 0..ROUNDS {
            if round >= FEWEST && refused > 0 {
                break;
            }
            refused += usize::from(env.run("dump db.sqlite --to home/dumps").status != Some(0));
            assert_eq!(inventory(&env.path("root")), before, "{to}");
        }
        drop(attack);
        assert!(refused > 0, "the attack never hit");
    }
}

/// The same attack on a database of the other user: a run of root writes nothing that only root
/// may read into the other file.
#[test]
fn a_copy_exchanged_for_another_file_is_not_written_into() {
    let Some(env) = scene() else { return };
    drop(make_large(&env.path("db.sqlite"), "DELETE", 4_000_000));
    set_mode(&env.path("db.sqlite"), 0o600);
    script(&env, "mkdir dumps");
    let attack = Attack::start(
        &env,
        "n = [n for n in os.listdir('dumps') if n.endswith('-0.tmp')]
         n and open('own', 'a').close()
         n and os.link('own', 'l')
         n and os.rename('l', 'dumps/' + n[0])",
    );
    let mut refused = 0;
    for round in 0..ROUNDS {
        if round >= FEWEST && refused > 0 {
            break;
        }
        refused += usize::from(env.run("dump db.sqlite --to home/dumps").status != Some(0));
    }
    drop(attack);
    assert!(refused > 0, "the attack never hit");
    assert_eq!(env.path("home/own").metadata().unwrap().len(), 0);
}

/// A run does not give away a file of root under a name that root's runs open.
#[test]
fn only_what_a_run_created_is_given_away() {
    let Some(env) = scene() else { return };
    drop(make_small(&env.path("db.sqlite")));
    script(&env, "mkdir dumps");
    let dump = env.dump("db.sqlite --to home/dumps");
    assert_eq!(dump.metadata().unwrap().uid(), 0);
    for own in [".dump-database.lock", ".dump-database.state.new"] {
        let secret = env.path("home/dumps/secret");
        fs::copy(&dump, &secret).unwrap();
        set_mode(&secret, 0o600);
        script(&env, &format!("mv -f dumps/secret dumps/{own}"));
        let planted = env.path("home/dumps").join(own).metadata().unwrap();
        env.run("dump db.sqlite --to home/dumps").succeeds();
        for name in names(&env.path("home/dumps")) {
            let meta = env.path("home/dumps").join(name).metadata().unwrap();
            assert!(
                meta.ino() != planted.ino() || meta.uid() == 0,
                "{own} of root's was given away"
            );
        }
        let _ = fs::remove_file(env.path("home/dumps").join(own));
    }
    // The lock that the run itself created is given away: the other user's own runs still work.
    let lock = env.path("home/dumps/.dump-database.lock");
    env.run("dump db.sqlite --to home/dumps").succeeds();
    assert_eq!(lock.metadata().unwrap().uid(), OTHER);
}

/// The dumps of a database belong to the other user; then a database of root replaces the first
/// one.
#[test]
fn a_database_of_roots_is_not_given_to_the_directorys_owner() {
    let Some(env) = scene() else { return };
    drop(make_large(&env.path("home/shop.db"), "DELETE", 10_000));
    give(&env.path("home/shop.db"));
    script(&env, "mkdir dumps");
    let program = crate::support::PROGRAM;
    let dump = |env: &Env| {
        let args = ["dump", "../home/shop.db", "--to", "dumps"];
        let ended = as_other(env, program).args(args).output().unwrap();
        assert!(ended.status.success(), "{ended:?}");
    };
    dump(&env);
    let owner = env.dump("home/shop.db --to home/dumps").metadata().unwrap();
    assert_eq!(
        owner.uid(),
        OTHER,
        "root's dump of the other's database joins the other's"
    );
    fs::remove_file(env.path("home/shop.db")).unwrap();
    drop(make_large(&env.path("home/shop.db"), "DELETE", 10_000));
    set_mode(&env.path("home/shop.db"), 0o600);
    let owner = env.dump("home/shop.db --to home/dumps").metadata().unwrap();
    assert_eq!(owner.uid(), 0);
}

/// The directory's owner puts a dump there with the same name and identity as root's dump of a
/// server or a command.
#[test]
fn what_no_user_owns_is_given_to_nobody() {
    let Some(env) = scene() else { return };
    script(&env, "mkdir dumps");
    let dump = || env.dump("--name words --to home/dumps -- echo hello");
    let forged = planted::plant(&dump(), planted::ago(60));
    for path in env.path("home/dumps").read_dir().unwrap() {
        let path = path.unwrap().path();
        if path != forged && DumpName::parse(path.file_name().unwrap().to_str().unwrap()).is_some()
        {
            fs::remove_file(path).unwrap();
        }
    }
    give(&forged);
    let owner = dump().metadata().unwrap().uid();
    assert_eq!(owner, 0, "root's dump was given away");
}

/// Another user holds a lock on a dump directory that everyone may read.
#[test]
fn a_readers_lock_delays_no_run() {
    let Some(env) = scene() else { return };
    drop(make_small(&env.path("db.sqlite")));
    env.dump("db.sqlite");
    set_mode(&env.dumps(), 0o755);
    let begun = Instant::now();
    env.dump("db.sqlite");
    let alone = begun.elapsed();
    let mut holder = as_other(&env, "flock");
    let dumps = env.dumps();
    let mut holder = holder
        .arg(&dumps)
        .args(["sh", "-c", "echo held; exec cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = std::io::BufReader::new(holder.stdout.as_mut().unwrap());
    assert!(std::io::BufRead::lines(output).next().is_some());
    let begun = Instant::now();
    env.dump("db.sqlite");
    assert!(begun.elapsed() < alone + Duration::from_secs(3));
    drop(holder.stdin.take());
    holder.wait().unwrap();
}

/// Another user may write to the directory of the metrics, and keeps a lock on a file there.
#[test]
fn metrics_wait_for_nobody() {
    let Some(env) = scene() else { return };
    drop(make_small(&env.path("db.sqlite")));
    env.dump("db.sqlite");
    script(
        &env,
        "mkdir metrics; touch metrics/m.prom.tmp; mkfifo metrics/m.prom",
    );
    let mut holder = as_other(&env, "flock")
        .args(["metrics/m.prom.tmp", "sh", "-c", "echo held; exec cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = std::io::BufReader::new(holder.stdout.as_mut().unwrap());
    assert!(std::io::BufRead::lines(output).next().is_some());
    env.run("status dump --metrics home/metrics/m.prom")
        .succeeds();
    assert!(env.path("home/metrics/m.prom").is_file());
    assert_eq!(names(&env.path("home/metrics")), ["m.prom", "m.prom.tmp"]);
    drop(holder.stdin.take());
    holder.wait().unwrap();
}
