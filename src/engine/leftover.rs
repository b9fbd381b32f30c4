//! Names of the databases that exist only during a restore, and detection of those that killed
//! restores left.

use jiff::Timestamp;
use rustix::process::Pid;

/// The time in seconds within which a restore begins to use the database that it created.
const YOUNG: i64 = 60;

/// Returns `NAME.WHAT-TIME-PROCESS`, with NAME cut so that the result has at most `longest` bytes.
pub(super) fn name(database: &str, what: &str, longest: usize) -> String {
    let suffix = format!(
        ".{what}-{:x}-{:x}",
        crate::clock::now().as_second(),
        std::process::id()
    );
    let mut cut = database.len().min(longest - suffix.len());
    while !database.is_char_boundary(cut) {
        cut -= 1;
    }
    format!("{}{suffix}", &database[..cut])
}

/// Returns true if a restore of `database` created the database `found` and was then killed. This
/// machine can only tell that the restore's process no longer exists.
pub(super) fn is_of_killed(found: &str, database: &str, now: Timestamp) -> bool {
    let Some((start, suffix)) = found.rsplit_once(".restoring-") else {
        return false;
    };
    let Some((time, process)) = suffix.split_once('-') else {
        return false;
    };
    let number = |text: &str| i64::from_str_radix(text, 16).ok();
    let (Some(time), Some(process)) = (number(time), number(process)) else {
        return false;
    };
    let is_cut = start.len() < database.len() && start.len() > 20;
    let is_its = start == database || (is_cut && database.starts_with(start));
    let process = i32::try_from(process).ok().and_then(Pid::from_raw);
    let is_alive = process
        .is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH));
    is_its && !is_alive && now.as_second() - time > YOUNG
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_old_database_of_a_process_that_is_gone_is_left_over() {
        let now = crate::clock::now();
        let (old, gone) = (now.as_second() - 3600, "7fffffff");
        let me = format!("{:x}", std::process::id());
        for (found, left) in [
            (format!("app.restoring-{old:x}-{gone}"), true),
            (format!("app.restoring-{old:x}-{me}"), false),
            (format!("app.restoring-{:x}-{gone}", now.as_second()), false),
            (format!("app2.restoring-{old:x}-{gone}"), false),
            (format!("ap.restoring-{old:x}-{gone}"), false),
            (format!("app.replaced-{old:x}-{gone}"), false),
            ("app.restoring-x-y".to_owned(), false),
            ("app".to_owned(), false),
        ] {
            assert_eq!(is_of_killed(&found, "app", now), left, "{found}");
        }
        let long = "a".repeat(60);
        let found = name(&long, "restoring", 63);
        assert_eq!(found.len(), 63);
        assert!(!is_of_killed(&found, &long, now));
        let (start, _) = found.split_once('.').unwrap();
        let found = format!("{start}.restoring-{old:x}-{gone}");
        assert!(is_of_killed(&found, &long, now));
    }
}
