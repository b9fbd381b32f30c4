//! Names of the databases that exist only during a restore, and detection of those that killed
//! restores left.

use jiff::Timestamp;
use rustix::process::Pid;
use sha2::{Digest, Sha256};

use crate::human;

/// The time in seconds within which a restore begins to use the database that it created.
const YOUNG: i64 = 60;

/// What is known about a database with the name of a restore's new database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leftover {
    /// A restore of the same database, on this machine, created it and was then killed.
    Killed,
    /// Whether the restore still runs cannot be told from here: it began on another machine, in
    /// another container, or in an earlier version of this program.
    Unknown,
}

/// Returns `NAME.WHAT-TIME-PROCESS-PLACE`, with NAME cut so that the result has at most `longest`
/// bytes.
pub(super) fn make_name(database: &str, what: &str, longest: usize) -> String {
    let suffix = format!(
        ".{what}-{:x}-{:x}-{}",
        crate::clock::now().as_second(),
        std::process::id(),
        hash_place(database)
    );
    format!("{}{suffix}", cut(database, longest - suffix.len()))
}

/// Returns the longest start of `name` that has at most `longest` bytes.
fn cut(name: &str, longest: usize) -> &str {
    let mut end = name.len().min(longest);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

/// Returns a short hash of the database and of where process IDs of this process have a meaning:
/// the machine and the PID namespace.
fn hash_place(database: &str) -> String {
    let machine = std::fs::read("/etc/machine-id").unwrap_or_default();
    let processes = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let mut hash = Sha256::new();
    for part in [
        machine.trim_ascii(),
        rustix::system::uname().nodename().to_bytes(),
        processes.as_os_str().as_encoded_bytes(),
        database.as_bytes(),
    ] {
        hash.update(part);
        hash.update([0]);
    }
    human::format_hexadecimal(&hash.finalize()[..4])
}

/// Returns what is known about the database `found`, if it has a name that [`make_name`] returns for
/// `database` and `what` on a server whose names have at most `longest` bytes. Returns `None` for
/// any other database, and for one whose restore is running.
pub(super) fn judge(
    found: &str,
    database: &str,
    what: &str,
    longest: usize,
    now: Timestamp,
) -> Option<Leftover> {
    let (start, suffix) = found.rsplit_once(&format!(".{what}-"))?;
    let mut parts = suffix.splitn(3, '-');
    let time = i64::from_str_radix(parts.next()?, 16).ok()?;
    let process = i64::from_str_radix(parts.next()?, 16).ok()?;
    let room = longest.checked_sub(found.len() - start.len())?;
    if start != cut(database, room) {
        return None;
    }
    if parts.next() != Some(&*hash_place(database)) {
        return Some(Leftover::Unknown);
    }
    let process = i32::try_from(process).ok().and_then(Pid::from_raw);
    let is_alive = process
        .is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH));
    let is_left = !is_alive && now.as_second() - time > YOUNG;
    is_left.then_some(Leftover::Killed)
}

/// Returns true if `found` has a name that [`make_name`] returns for some database and `what`.
pub(super) fn is_made_name(found: &str, what: &str) -> bool {
    let Some((_, suffix)) = found.rsplit_once(&format!(".{what}-")) else {
        return false;
    };
    let parts: Vec<_> = suffix.split('-').collect();
    let is_hexadecimal = |part: &&str| {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        !part.is_empty() && part.bytes().all(is_digit)
    };
    // Earlier versions wrote no hash of the place.
    matches!(parts.len(), 2 | 3) && parts.iter().all(is_hexadecimal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_old_database_of_a_process_of_this_machine_that_is_gone_is_left_over() {
        let now = crate::clock::now();
        let (old, gone) = (now.as_second() - 3600, "7fffffff");
        let me = format!("{:x}", std::process::id());
        let here = hash_place("app");
        let elsewhere = "0123abcd";
        let (killed, unknown) = (Some(Leftover::Killed), Some(Leftover::Unknown));
        for (found, expected) in [
            (format!("app.restoring-{old:x}-{gone}-{here}"), killed),
            (format!("app.restoring-{old:x}-{me}-{here}"), None),
            (
                format!("app.restoring-{:x}-{gone}-{here}", now.as_second()),
                None,
            ),
            (format!("app.restoring-{old:x}-{gone}-{elsewhere}"), unknown),
            (format!("app.restoring-{old:x}-{gone}"), unknown),
            (format!("app2.restoring-{old:x}-{gone}-{here}"), None),
            (format!("ap.restoring-{old:x}-{gone}-{here}"), None),
            (format!("app.replaced-{old:x}-{gone}-{here}"), None),
            ("app.restoring-x-y".to_owned(), None),
            ("app".to_owned(), None),
        ] {
            assert_eq!(
                judge(&found, "app", "restoring", 63, now),
                expected,
                "{found}"
            );
        }
        for (found, expected) in [
            ("app.restoring-64a-1f-0123abcd", true),
            ("app.restoring-64a-1f", true),
            ("app.restoring-64a", false),
            ("app.restoring-64a-1f-0123abcd-2", false),
            ("app.restoring-64a-x", false),
            ("app.replaced-64a-1f-0123abcd", false),
            ("app", false),
        ] {
            assert_eq!(is_made_name(found, "restoring"), expected, "{found}");
        }
        assert!(is_made_name(
            &make_name("app", "restoring", 63),
            "restoring"
        ));
        let long = "a".repeat(60);
        let found = make_name(&long, "restoring", 63);
        assert_eq!(found.len(), 63);
        assert_eq!(judge(&found, &long, "restoring", 63, now), None);
        let suffix = format!(".restoring-{old:x}-{gone}-{}", hash_place(&long));
        let found = format!("{}{suffix}", "a".repeat(63 - suffix.len()));
        assert_eq!(judge(&found, &long, "restoring", 63, now), killed);
        // This is the whole name of another database.
        let found = format!("{}{suffix}", "a".repeat(25));
        assert_eq!(judge(&found, &long, "restoring", 63, now), None);
    }
}
