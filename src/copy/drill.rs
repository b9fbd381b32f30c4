//! Drills of copies: each copy is downloaded, verified whole, and restored into a throwaway database.

use std::path::PathBuf;

use anyhow::Result;

use super::encryption::Identities;
use super::location::Location;
use super::restore::{get, sort_for_restore};
use super::verify::is_damage;
use crate::drill::{DownloadedDump, DrillOptions, Sample, run_downloaded};
use crate::header::DumpKind;
use crate::stop::Stop;

/// Drills the named copies, or those of each database that `options.sample` selects. Prints a line for
/// each on stdout. Returns the number of copies that failed plus the number of places without copies.
///
/// # Errors
/// When a destination cannot be read or stdout is closed.
pub fn drill(
    places: &[Location],
    identities: Option<&Identities>,
    options: &DrillOptions,
) -> Result<usize> {
    let stop = Stop::until_signal();
    let wanted = match options.sample {
        Sample::Newest => 1,
        Sample::All => usize::MAX,
        Sample::Last(number) => number,
    };
    let mut chosen = Vec::new();
    let mut empty = 0;
    for place in places {
        let before = chosen.len();
        for (folder, mut copies) in place.list_copies(stop)? {
            if place.copy.is_none() {
                copies
                    .stored
                    .retain(|copy| copy.kind == Some(DumpKind::Regular));
            }
            let newest = sort_for_restore(copies.stored).into_iter().take(wanted);
            chosen.extend(newest.map(|copy| (place, folder.clone(), copy)));
        }
        if chosen.len() == before {
            log::error!("there are no copies to drill in {}", place.destination);
            empty += 1;
        }
    }
    // Each is downloaded when its turn comes: only one is on the disk at a time.
    let named = chosen.into_iter().map(|(place, folder, copy)| {
        let url = place.url_of(&folder, &copy.name);
        let got = get(place, &folder, &copy, identities, stop);
        let file = match got {
            Err(error) if !is_damage(&error) => {
                return Err(error.context(format!("cannot read {url}")));
            }
            got => got.map(|(file, _)| file),
        };
        Ok(DownloadedDump {
            path: PathBuf::from(url),
            database: folder.name(),
            file,
        })
    });
    Ok(run_downloaded(named, options)? + empty)
}
