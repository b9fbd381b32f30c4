//! Verifies copies: reads them whole, compares the stored bytes with the sidecar, and checks the dump inside
//! if it is not encrypted or a private key is given.

use std::io::{self, Write};
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use super::catalogue::StoredCopy;
use super::encryption::Identities;
use super::fetch::{self, DamagedCopy};
use super::location::Location;
use super::name::Folder;
use super::sidecar::Sidecar;
use crate::header::{DumpKind, Header};
use crate::human;
use crate::stop::Stop;
use crate::store::{Reason, StoreError, UploadContent};

#[derive(Debug, Serialize)]
struct VerifiedCopy {
    url: String,
    good: bool,
    /// `None` if only the stored bytes were checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Verifies copies and prints a line for each on stdout. Without private keys, an encrypted copy is only
/// compared with its sidecar. Each copy may take `timeout`. A whole copy without a sidecar gets its sidecar
/// again. Returns the number of copies that are not good, plus the number of places without copies.
///
/// # Errors
/// When a destination cannot be read or stdout is closed.
pub fn verify(
    places: &[Location],
    identities: Option<&Identities>,
    timeout: Duration,
    json: bool,
) -> Result<usize> {
    let listing = Stop::with_limit(timeout);
    let mut rows = Vec::new();
    let mut bad = 0;
    for place in places {
        let all = place.list_copies(listing)?;
        if all.iter().all(|(_, copies)| copies.stored.is_empty()) {
            log::error!("{} has no copies", place.destination);
            bad += 1;
        }
        for (folder, copies) in all {
            for copy in &copies.stored {
                let url = place.url_of(&folder, &copy.name);
                let stop = Stop::with_limit(timeout);
                let checked = check(place, &folder, copy, identities, stop);
                let row = match checked {
                    Ok(bytes) => VerifiedCopy {
                        url,
                        good: true,
                        bytes,
                        reason: None,
                    },
                    Err(error) => match error.downcast_ref::<StoreError>() {
                        Some(failed) if failed.reason == Reason::Missing => {
                            log::info!("{url} was removed while this command ran");
                            continue;
                        }
                        Some(_) => return Err(error.context(format!("cannot read {url}"))),
                        None => {
                            let reason = Some(format!("{error:#}"));
                            VerifiedCopy {
                                url,
                                good: false,
                                bytes: None,
                                reason,
                            }
                        }
                    },
                };
                bad += usize::from(!row.good);
                if json {
                    rows.push(row);
                } else {
                    print(&row)?;
                }
            }
        }
    }
    if json {
        writeln!(io::stdout(), "{}", human::format_json(&rows)?)?;
    }
    Ok(bad)
}

fn print(row: &VerifiedCopy) -> io::Result<()> {
    let url = &row.url;
    let line = match (&row.reason, row.bytes) {
        (Some(reason), _) => format!("{url}: bad: {reason}"),
        (None, Some(bytes)) => format!("{url}: good, {} inside", human::format_bytes(bytes)),
        (None, None) => {
            format!("{url}: stored as it was copied; --identity checks what is inside")
        }
    };
    writeln!(io::stdout(), "{}", human::escape(&line))
}

/// Returns the number of bytes inside, where that could be looked at.
fn check(
    place: &Location,
    folder: &Folder,
    copy: &StoredCopy,
    identities: Option<&Identities>,
    stop: Stop,
) -> Result<Option<u64>> {
    let store = &*place.store;
    let can_look_inside = identities.is_some() || !copy.name.is_encrypted;
    let Some(kind) = copy.kind else {
        if !can_look_inside {
            return Err(fetch::make_damage_error(
                "it has no sidecar, so it is not finished; --identity proves whether it is whole",
            ));
        }
        let (_, stored, header) = fetch::fetch(store, folder, copy, None, identities, stop)?;
        complete(place, folder, copy, &stored, &header, stop);
        return Ok(Some(header.bytes));
    };
    let sidecar =
        Sidecar::read(store, folder, &copy.name, kind, stop).map_err(explain_sidecar_error)?;
    let content = sidecar.content();
    if can_look_inside {
        let (_, _, header) = fetch::fetch(store, folder, copy, Some(&content), identities, stop)?;
        return Ok(Some(header.bytes));
    }
    fetch::check(store, folder, &copy.name, &content, stop)?;
    Ok(None)
}

/// Returns a store's failure as it is, and a damaged sidecar as damage.
pub(super) fn explain_sidecar_error(error: anyhow::Error) -> anyhow::Error {
    if is_of_the_store(&error) {
        return error;
    }
    fetch::make_damage_error(format!("{error:#}"))
}

/// Stores the sidecar of a copy that was proven whole. Logs a warning if it cannot.
fn complete(
    place: &Location,
    folder: &Folder,
    copy: &StoredCopy,
    stored: &UploadContent,
    header: &Header,
    stop: Stop,
) {
    let kind: DumpKind = header.kind;
    let sidecar = Sidecar::new(&copy.name, stored, kind, None, None);
    let url = place.url_of(folder, &copy.name);
    match sidecar.write(&*place.store, folder, &copy.name, stop) {
        Ok(()) => log::info!("{url} is whole and has its sidecar again"),
        Err(error) => log::warn!("{url} is whole, but its sidecar cannot be stored: {error:#}"),
    }
}

/// Returns true if the copy itself is damaged.
pub(super) fn is_damage(error: &anyhow::Error) -> bool {
    error.is::<DamagedCopy>()
}

/// Returns true if the store failed, so that the error says nothing about the copy.
fn is_of_the_store(error: &anyhow::Error) -> bool {
    let found = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<StoreError>());
    found.is_some_and(|error| error.reason != Reason::Missing)
}
