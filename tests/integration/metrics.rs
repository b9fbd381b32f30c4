//! The metrics file that `dump` and `status` write.

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::status::damage_header;
use crate::support::{Env, PROGRAM, Run, database, names, wait_until_unlocked};

#[test]
fn metrics_are_written_whole_after_every_run() {
    let env = Env::new();
    database::make_small(&env.path("a \"b\\.sqlite"));
    let metrics = env.path("dump-database.prom");
    let dump = || {
        let mut dump = env.command("sh");
        dump.args(["-c", "umask 077; exec \"$@\"", "sh", PROGRAM]);
        dump.args(["dump", "--metrics", "dump-database.prom"]);
        Run::finish(dump.arg("a \"b\\.sqlite"))
    };
    dump().succeeds();
    let mode = fs::metadata(&metrics).unwrap().mode() & 0o777;
    assert_eq!(mode, 0o644);
    let value = |name: &str| -> f64 {
        let text = fs::read_to_string(&metrics).unwrap();
        let labels = format!(
            "{{database=\"a \\\"b\\\\\",engine=\"sqlite\",directory=\"{}\"}} ",
            env.dumps().display()
        );
        let start = format!("dump_database_{name}{labels}");
        let line = text.lines().find_map(|line| line.strip_prefix(&start));
        line.unwrap_or_else(|| panic!("no {start} in {text}"))
            .parse()
            .unwrap()
    };
    let now = dump_database::clock::now().as_second() as f64;
    assert!((now - value("last_success_timestamp_seconds")).abs() < 60.0);
    assert!((value("last_attempt_success") - 1.0).abs() < f64::EPSILON);
    assert!((value("dumps_kept") - 1.0).abs() < f64::EPSILON);
    assert!(value("last_attempt_duration_seconds") > 0.0);
    assert!(value("dump_bytes") > 0.0 && value("input_bytes") > 0.0);
    assert!(!fs::read_to_string(&metrics).unwrap().contains("drill"));

    fs::write(env.path("a \"b\\.sqlite"), "no database").unwrap();
    dump().fails(1, "was not dumped");
    assert!(value("last_attempt_success") < f64::EPSILON);
    assert!((value("dumps_kept") - 1.0).abs() < f64::EPSILON);

    // `status` also writes the metrics of several directories; if it cannot write them, the old
    // file stays.
    env.run("status dump --metrics other.prom")
        .reports(1, "the last run failed");
    assert!(env.path("other.prom").exists());
    env.run("status --metrics missing/x.prom")
        .fails(1, "cannot write the metrics");
}

#[test]
fn metrics_written_by_several_at_once_or_after_one_that_was_killed_are_whole() {
    let env = Env::with_database();
    env.dump("db.sqlite");
    env.run("status --metrics m.prom").succeeds();
    // The free space of the disk changes meanwhile.
    let read = || {
        let text = fs::read_to_string(env.path("m.prom")).unwrap();
        let lines = text.lines();
        let kept = lines.filter(|line| !line.starts_with("dump_database_disk_free_bytes"));
        kept.collect::<Vec<_>>().join("\n")
    };
    let whole = read();
    fs::write(env.path("precious"), "precious").unwrap();
    fs::hard_link(env.path("precious"), env.path("m.prom.tmp")).unwrap();
    env.run("status --metrics m.prom").succeeds();
    assert_eq!(fs::read(env.path("precious")).unwrap(), b"precious");
    fs::write(env.path("m.prom.tmp"), whole.repeat(2)).unwrap();
    for _ in 0..10 {
        let running: Vec<_> = (0..8)
            .map(|_| env.start("status --metrics m.prom"))
            .collect();
        for run in running {
            Run::end_of(run).succeeds();
        }
        assert_eq!(read(), whole);
        let mut left = names(env.root());
        left.retain(|name| name.starts_with("m.prom.") && name != "m.prom.tmp");
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn metrics_are_written_however_the_run_ended() {
    let env = Env::new();
    let metrics = env.path("m.prom");
    let written = |args: &str, status: i32, line: &str| {
        let _ = fs::remove_file(&metrics);
        let run = env.run(&format!("dump --metrics m.prom {args}"));
        let run = run.fails(status, "");
        let text = fs::read_to_string(&metrics).unwrap_or_default();
        assert!(text.contains(line), "no {line} in {text}: {run:?}");
    };
    let none = "dumps_kept{database=\"dump\",engine=\"\"";
    written("missing.sqlite", 1, none);
    fs::write(env.dumps(), "no directory").unwrap();
    written("--name x -- echo x", 1, none);
    fs::remove_file(env.dumps()).unwrap();

    database::make_small(&env.path("db.sqlite"));
    let dump = env.dump("db.sqlite");
    let lock = fs::File::open(env.dumps().join(".dump-database.lock")).unwrap();
    lock.lock().unwrap();
    written(
        "db.sqlite",
        75,
        "last_success_timestamp_seconds{database=\"db\"",
    );
    drop(lock);
    wait_until_unlocked(&env.dumps());

    // The engine is known even if the headers of the dumps are damaged.
    damage_header(&dump);
    fs::rename(env.path("db.sqlite"), env.path("elsewhere")).unwrap();
    written(
        "db.sqlite",
        1,
        "dumps_kept{database=\"db\",engine=\"sqlite\"",
    );

    // A failure to write the metrics removes none of the last lines.
    let run = env.run("dump db.sqlite elsewhere --metrics missing/m.prom");
    let run = run.fails(1, "cannot write the metrics");
    assert!(run.stderr.contains("1 of 2 was not dumped: db"), "{run:?}");
}
