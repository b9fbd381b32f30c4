//! Is a filesystem missing above a path? What fstab or a mount unit says should be mounted must
//! be in mountinfo; else a dump would land in the empty mount point, hidden once it is mounted.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// Where administrators and generators put mount units; a distribution's own (`tmp.mount` and the
/// like, often not in use) are elsewhere.
const UNITS: [&str; 3] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/run/systemd/generator",
];

/// The innermost mount point at or above `path` that is declared and not mounted.
pub(super) fn missing(path: &Path) -> Option<PathBuf> {
    let path = resolve(path);
    let mut declared: Vec<PathBuf> = fstab().chain(units()).collect();
    for point in &mut declared {
        *point = fs::canonicalize(&*point).unwrap_or_else(|_| std::mem::take(point));
    }
    declared.retain(|point| path.starts_with(point));
    declared.sort_by_key(|point| std::cmp::Reverse(point.as_os_str().len()));
    if declared.is_empty() {
        return None;
    }
    let mounted = mounted()?;
    declared.into_iter().find(|point| !mounted.contains(point))
}

/// `path` without symlinks, as far as it exists.
fn resolve(path: &Path) -> PathBuf {
    for ancestor in path.ancestors() {
        if let Ok(real) = fs::canonicalize(ancestor) {
            return match path.strip_prefix(ancestor) {
                Ok(rest) => real.join(rest),
                Err(_) => real,
            };
        }
    }
    path.to_owned()
}

fn mounted() -> Option<HashSet<PathBuf>> {
    let text = fs::read("/proc/self/mountinfo").ok()?;
    Some(lines(&text).filter_map(|line| field(line, 4)).collect())
}

fn fstab() -> impl Iterator<Item = PathBuf> {
    let text = fs::read("/etc/fstab").unwrap_or_default();
    let points: Vec<_> = lines(&text)
        .filter(|line| !line.starts_with(b"#"))
        .filter_map(|line| field(line, 1))
        .filter(|point| point.is_absolute() && point != Path::new("/"))
        .collect();
    points.into_iter()
}

fn units() -> impl Iterator<Item = PathBuf> {
    UNITS
        .iter()
        .filter_map(|directory| fs::read_dir(directory).ok())
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "mount")
        })
        .filter_map(|path| fs::read_to_string(path).ok())
        .filter_map(|unit| {
            unit.lines()
                .find_map(|line| line.trim().strip_prefix("Where="))
                .map(PathBuf::from)
        })
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii)
}

/// The `index`th blank-separated field, its `\040`-style octal escapes undone (fstab(5), proc(5)).
fn field(line: &[u8], index: usize) -> Option<PathBuf> {
    let raw = line
        .split(u8::is_ascii_whitespace)
        .filter(|field| !field.is_empty())
        .nth(index)?;
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((&byte, after)) = rest.split_first() {
        let octal = (byte == b'\\')
            .then(|| after.get(..3))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        bytes.push(octal.unwrap_or(byte));
        rest = if octal.is_some() { &after[3..] } else { after };
    }
    Some(PathBuf::from(OsString::from_vec(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_split_and_unescaped() {
        let line = b"UUID=1\t/mnt/my\\040disk   ext4 defaults 0 2";
        assert_eq!(field(line, 1), Some(PathBuf::from("/mnt/my disk")));
        assert_eq!(field(b"proc /a\\b", 1), Some(PathBuf::from("/a\\b")));
        assert_eq!(field(b"one", 1), None);
    }
}
