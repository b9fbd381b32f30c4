//! The disks of the dump directories: their free space, and when the dumps fill them.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;

use super::forecast::forecast_days;
use super::row::DatabaseStatus;

/// Adds to each row how much space its disk has, and when the dumps of all rows on that disk fill it.
pub(super) fn add(rows: &mut [DatabaseStatus]) {
    let mut disks: HashMap<u64, Vec<usize>> = HashMap::new();
    for (at, row) in rows.iter().enumerate() {
        if let Ok(meta) = row.directory.metadata() {
            disks.entry(meta.dev()).or_default().push(at);
        }
    }
    for on_disk in disks.into_values() {
        let growths: Vec<_> = on_disk
            .iter()
            .filter_map(|at| rows[*at].growth.clone())
            .collect();
        let free = on_disk.first().and_then(|at| {
            let stat = rustix::fs::statvfs(&rows[*at].directory).ok()?;
            Some(stat.f_bavail.saturating_mul(stat.f_frsize))
        });
        let days = free.and_then(|free| forecast_days(&growths.iter().collect::<Vec<_>>(), free));
        for at in on_disk {
            rows[at].disk_free_bytes = free;
            rows[at].disk_full_days = days;
        }
    }
}
