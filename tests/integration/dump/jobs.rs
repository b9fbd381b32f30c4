//! Dumping several databases at the same time.

use std::collections::HashSet;
use std::fs;

use crate::support::{Env, database, strace};

#[test]
#[ignore = "needs strace"]
fn databases_side_by_side_are_published_and_rotated_one_after_the_other() {
    let env = Env::new();
    let mut sources = Vec::new();
    for number in 0..12 {
        let name = format!("db{number}.sqlite");
        database::make_small(&env.path(&name));
        sources.push(name);
    }
    let args = format!("dump --jobs 3 --keep 1 {}", sources.join(" "));
    env.run(&args).succeeds();
    let calls = "openat,renameat2,unlinkat,getdents64";
    let (run, _) = strace::run(&env, calls, &[], &args);
    assert_eq!(run.succeeds().paths().len(), 12);
    assert_eq!(env.names().len(), 12);
    assert_eq!(env.temporaries(), [""; 0]);
    env.run("verify").succeeds();

    let trace = fs::read_to_string(env.path("strace.out")).unwrap();
    let (mut dumping, mut publishing, mut published) = (HashSet::new(), None, 0);
    for line in trace.lines() {
        let (thread, call) = line.trim().split_once(' ').unwrap();
        let call = call.trim_start();
        if call.contains(".sqlite\", O_RDONLY") {
            dumping.insert(thread);
        }
        let is_listed = call.starts_with("getdents64(") && call.contains("/dump>");
        let is_named = call.starts_with("renameat2(") && call.contains(".sqlite.gz");
        let is_removed = call.starts_with("unlinkat(") && call.contains(".sqlite.gz");
        if let Some(other) = publishing
            && (is_listed || is_named || is_removed)
        {
            assert_eq!(thread, other, "{line}");
        }
        // A run publishes a dump, and then removes the previous dump.
        if is_named {
            publishing = Some(thread);
        } else if is_removed {
            publishing = None;
            published += 1;
        }
    }
    assert_eq!(published, 12);
    assert_eq!(dumping.len(), 3, "{dumping:?}");
}

#[test]
fn one_of_several_at_a_time_fails_alone() {
    let env = Env::new();
    for name in ["a.sqlite", "c.sqlite"] {
        database::make_small(&env.path(name));
    }
    let run = env.run("dump --jobs 8 a.sqlite b.sqlite c.sqlite");
    let run = run.fails(1, "b.sqlite does not exist");
    assert_eq!(run.paths().len(), 2);
    let table: Vec<_> = run.stderr.lines().rev().take(4).collect();
    assert_eq!(table[0], "error: 1 of 3 was not dumped: b");
    assert!(table[1].starts_with("c  dumped  "), "{run:?}");
    assert!(
        table[2].starts_with("error: b  FAILED  b.sqlite does not exist"),
        "{run:?}"
    );
    assert!(table[3].starts_with("a  dumped  "), "{run:?}");
}
