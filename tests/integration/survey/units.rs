//! A survey of a machine on which units name databases.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::Value;

use super::rows_at;
use crate::support::{Env, PROGRAM, Run, database, skipped};

/// Surveys `place` on a machine whose `/etc` is the directory `etc` of the test, and which has no dumps.
fn survey_machine(env: &Env, place: &str) -> Value {
    let script =
        "mount -t tmpfs none /var/lib && mount --bind etc /etc && exec \"$0\" survey --json \"$1\"";
    let mut unshare = env.command("unshare");
    unshare.args(["--mount", "sh", "-euc", script, PROGRAM, place]);
    let run = Run::finish(&mut unshare);
    assert!(matches!(run.status, Some(0 | 1)), "{run:?}");
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
fn a_database_is_covered_only_by_a_unit_that_systemd_starts() {
    if !rustix::process::geteuid().is_root() {
        skipped("only root can give the program another /etc");
        return;
    }
    let env = Env::new();
    let wants = env.path("etc/systemd/system/timers.target.wants");
    fs::create_dir_all(&wants).unwrap();
    fs::create_dir_all(env.path("etc/dump-database")).unwrap();
    fs::create_dir(env.path("place")).unwrap();
    let place = env.path("place").display().to_string();
    let names = ["example", "enabled", "idle", "round", "unit"];
    for name in names {
        database::make_small(&env.path(format!("place/{name}.db")));
    }
    for instance in ["example", "enabled", "idle"] {
        let text = format!("SOURCE=sqlite:{place}/{instance}.db\n");
        fs::write(env.path(format!("etc/dump-database/{instance}.conf")), text).unwrap();
    }
    // As on NixOS: the timer of a round starts a service, which starts one unit for each database.
    let system = env.path("etc/systemd/system");
    for name in ["round", "unit"] {
        let text = format!("[Service]\nExecStart=/bin/dump-database dump {place}/{name}.db\n");
        fs::write(system.join(format!("dump-{name}.service")), text).unwrap();
    }
    let text = "[Unit]\nWants=dump-round.service\n[Service]\nExecStart=/bin/true\n";
    fs::write(system.join("dumps.service"), text).unwrap();
    fs::write(system.join("dumps.timer"), "[Timer]\nOnCalendar=daily\n").unwrap();
    fs::write(
        system.join("dump-unit.timer"),
        "[Timer]\nOnCalendar=daily\n",
    )
    .unwrap();
    symlink("../dumps.timer", wants.join("dumps.timer")).unwrap();
    let link = wants.join("dump-database@enabled.timer");
    symlink(
        "/usr/lib/systemd/system/dump-database@.timer",
        link.as_path(),
    )
    .unwrap();

    let answer = survey_machine(&env, &place);
    let row = |name: &str| rows_at(&answer, &format!("/{name}.db"))[0].clone();
    let covered = names.map(|name| row(name)["covered"] == true);
    assert_eq!(covered, [false, true, false, true, false], "{answer}");
    // The file of the package that is there to be copied names nothing.
    assert_eq!(row("example")["units"], serde_json::json!([]));
    assert_eq!(row("example")["remark"], Value::Null);
    for (name, unit) in [
        ("idle", "dump-database@idle.service"),
        ("unit", "dump-unit.service"),
    ] {
        assert_eq!(row(name)["units"], serde_json::json!([unit]));
        let remark = row(name)["remark"].to_string();
        assert!(
            remark.contains(&format!("{unit} names it, but is not enabled")),
            "{remark}"
        );
    }

    symlink("../dump-unit.timer", wants.join("dump-unit.timer")).unwrap();
    let answer = survey_machine(&env, &place);
    assert_eq!(rows_at(&answer, "/unit.db")[0]["covered"], true);
}
