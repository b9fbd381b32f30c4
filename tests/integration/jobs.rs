//! Several databases at a time.

use std::collections::HashSet;
use std::fs;

use crate::support::{Env, database, strace};

#[test]
fn databases_side_by_side_leave_the_directory_to_one_thread() {
    let env = Env::new();
    let mut sources = Vec::new();
    for number in 0..6 {
        let name = format!("db{number}.sqlite");
        drop(database::large(&env.path(&name), "WAL", 3_000_000));
        sources.push(name);
    }
    let args = format!("dump --jobs 3 --keep 1 {}", sources.join(" "));
    env.run(&args).succeeds();
    let calls = "openat,renameat2,unlinkat,linkat,getdents64,newfstatat,fsync,fstatfs";
    let (run, _) = strace::run(&env, calls, &[], &args);
    assert_eq!(run.succeeds().paths().len(), 6);
    assert_eq!(env.names().len(), 6);
    assert_eq!(env.temporaries(), [""; 0]);
    env.run("verify").succeeds();

    let trace = fs::read_to_string(env.path("strace.out")).unwrap();
    let mut threads = HashSet::new();
    let mut of_directory = 0;
    for line in trace.lines().filter(|line| line.contains("/dump>")) {
        of_directory += 1;
        threads.insert(line.split(' ').next().unwrap());
    }
    // At least a temporary, a name and a removal for each.
    assert!(of_directory >= 18, "{of_directory}");
    assert_eq!(threads.len(), 1, "{threads:?}");
    let dumping: HashSet<_> = trace
        .lines()
        .filter(|line| line.contains(".sqlite\", O_RDONLY"))
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(dumping.len(), 3, "{dumping:?}");
}

#[test]
fn one_of_several_at_a_time_fails_alone() {
    let env = Env::new();
    for name in ["a.sqlite", "c.sqlite"] {
        database::small(&env.path(name));
    }
    let run = env.run("dump --jobs 8 a.sqlite b.sqlite c.sqlite");
    let run = run.fails(1, "b.sqlite does not exist");
    assert_eq!(run.paths().len(), 2);
    let table: Vec<_> = run.stderr.lines().rev().take(4).collect();
    assert_eq!(table[0], "error: 1 of 3 were not dumped: b");
    assert!(table[1].starts_with("c  dumped  "), "{run:?}");
    assert!(
        table[2].starts_with("error: b  FAILED  b.sqlite does not exist"),
        "{run:?}"
    );
    assert!(table[3].starts_with("a  dumped  "), "{run:?}");
}
