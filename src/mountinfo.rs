//! Reads the mounts from `/proc/self/mountinfo`, and parses tables like it, such as fstab.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// A mount: the device, the path inside it that is mounted, and the mount point.
#[derive(Debug)]
struct Mount {
    device: Vec<u8>,
    root: PathBuf,
    point: PathBuf,
}

fn read_mounts() -> Vec<Mount> {
    let text = fs::read("/proc/self/mountinfo").unwrap_or_default();
    let mount = |line: &[u8]| {
        Some(Mount {
            device: split_fields(line).nth(2)?.to_vec(),
            root: read_field(line, 3)?,
            point: read_field(line, 4)?,
        })
    };
    split_lines(&text).filter_map(mount).collect()
}

/// Returns every mount point, or `None` if the system reports none.
#[must_use]
pub fn list_points() -> Option<Vec<PathBuf>> {
    let mounts = read_mounts();
    (!mounts.is_empty()).then(|| mounts.into_iter().map(|mount| mount.point).collect())
}

/// Returns every mount point with the type of its file system, such as `ext4`.
#[must_use]
pub fn list_types() -> Vec<(PathBuf, String)> {
    let text = fs::read("/proc/self/mountinfo").unwrap_or_default();
    let mount = |line: &[u8]| {
        let kind = split_fields(line)
            .skip_while(|field| *field != b"-")
            .nth(1)?;
        Some((
            read_field(line, 4)?,
            String::from_utf8_lossy(kind).into_owned(),
        ))
    };
    split_lines(&text).filter_map(mount).collect()
}

/// Returns true if this file itself is mounted under another path too.
#[must_use]
pub fn is_bound(path: &Path) -> bool {
    let mounts = read_mounts();
    let Some((device, inside)) = locate(&mounts, path) else {
        return false;
    };
    mounts
        .iter()
        .any(|mount| mount.device == device && mount.root == inside && mount.point != path)
}

/// Returns the other paths that the mounts give to the file at `path`. Another mount can hide what
/// such a path leads to.
#[must_use]
pub fn list_other_paths(path: &Path) -> Vec<PathBuf> {
    let mounts = read_mounts();
    let Some((device, inside)) = locate(&mounts, path) else {
        return Vec::new();
    };
    let same_device = mounts.iter().filter(|mount| mount.device == device);
    same_device
        .filter_map(|mount| Some(join(&mount.point, inside.strip_prefix(&mount.root).ok()?)))
        .filter(|other| other != path)
        .collect()
}

/// Returns the device of the file at `path`, and its path inside that device.
fn locate<'a>(mounts: &'a [Mount], path: &Path) -> Option<(&'a [u8], PathBuf)> {
    let on = mounts
        .iter()
        .filter(|mount| path.starts_with(&mount.point))
        .max_by_key(|mount| mount.point.as_os_str().len())?;
    let rest = path.strip_prefix(&on.point).ok()?;
    Some((&on.device, join(&on.root, rest)))
}

/// Joins two paths, of which the second can be empty.
fn join(start: &Path, rest: &Path) -> PathBuf {
    if rest.as_os_str().is_empty() {
        start.to_owned()
    } else {
        start.join(rest)
    }
}

/// Returns the lines of a table, without whitespace at either end.
pub fn split_lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii)
}

fn split_fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace)
        .filter(|field| !field.is_empty())
}

/// Returns the `index`th field of a line, counted from 0, or `None` if there are fewer. Fields are
/// separated by whitespace; octal escapes such as `\040` are decoded (fstab(5), proc(5)).
#[must_use]
pub fn read_field(line: &[u8], index: usize) -> Option<PathBuf> {
    let raw = split_fields(line).nth(index)?;
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
        assert_eq!(read_field(line, 1), Some(PathBuf::from("/mnt/my disk")));
        assert_eq!(read_field(b"proc /a\\b", 1), Some(PathBuf::from("/a\\b")));
        assert_eq!(read_field(b"one", 1), None);
        let types = list_types();
        let proc = types.iter().find(|(point, _)| point == Path::new("/proc"));
        assert_eq!(proc.map(|(_, kind)| kind.as_str()), Some("proc"));
    }
}
