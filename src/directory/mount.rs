//! Is a filesystem missing above a path? What fstab or a mount unit says should be mounted must
//! be in mountinfo; else a dump would land in the empty mount point, hidden once it is mounted.

use std::fs;
use std::path::{Path, PathBuf};

use crate::mountinfo::{list_points, read_field, split_lines};

/// Where administrators and generators put mount units; a distribution's own (`tmp.mount` and the
/// like, often not in use) are elsewhere.
const UNITS: [&str; 3] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/run/systemd/generator",
];

/// The innermost mount point at or above `path` that is declared and not mounted.
pub(super) fn find_unmounted(path: &Path) -> Option<PathBuf> {
    let path = resolve(path);
    let mut declared: Vec<PathBuf> = read_fstab().chain(read_mount_units()).collect();
    for point in &mut declared {
        *point = fs::canonicalize(&*point).unwrap_or_else(|_| std::mem::take(point));
    }
    declared.retain(|point| path.starts_with(point));
    declared.sort_by_key(|point| std::cmp::Reverse(point.as_os_str().len()));
    if declared.is_empty() {
        return None;
    }
    let mounted = list_points()?;
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

fn read_fstab() -> impl Iterator<Item = PathBuf> {
    let text = fs::read("/etc/fstab").unwrap_or_default();
    let points: Vec<_> = split_lines(&text)
        .filter(|line| !line.starts_with(b"#"))
        .filter_map(|line| read_field(line, 1))
        .filter(|point| point.is_absolute() && point != Path::new("/"))
        .collect();
    points.into_iter()
}

fn read_mount_units() -> impl Iterator<Item = PathBuf> {
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
