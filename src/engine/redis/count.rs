//! Counts what an RDB file holds.

use std::collections::BTreeMap;
use std::io;

use jiff::Timestamp;

use crate::content::rdb::{Key, Visitor};
use crate::header::Rows;

/// The greatest number of databases that are counted; no server has so many.
const MOST_DATABASES: usize = 100_000;
/// The greatest length in bytes of a value that is held in memory.
pub(super) const SMALL: usize = 1 << 20;
/// The greatest length in bytes of all libraries of functions together.
const LONGEST_LIBRARIES: usize = 64 << 20;
/// The operation of a library, by which its serialization begins.
const LIBRARY: u8 = 245;

/// The number of keys of a database.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeyCount {
    pub(super) all: u64,
    /// Those with a time of expiry.
    pub(super) expiring: u64,
    /// Those whose time of expiry has passed.
    pub(super) expired: u64,
}

/// What an RDB file holds.
#[derive(Debug)]
pub(super) struct Count {
    pub(super) databases: BTreeMap<u64, KeyCount>,
    /// The serialized libraries of functions.
    pub(super) libraries: Vec<u8>,
    /// The number of these libraries.
    pub(super) functions: u64,
    /// Whether a module keeps data outside of keys.
    pub(super) has_module_data: bool,
    /// The lengths in bytes of the values that are longer than [`SMALL`], in their order.
    pub(super) large: Vec<u64>,
    now: u64,
    database: u64,
    length: u64,
    is_library: bool,
}

impl Count {
    /// Starts counting; a key has expired if its time is before `now`, which has milliseconds as the
    /// server's clock has.
    pub(super) fn new(now: Timestamp) -> Self {
        Count {
            databases: BTreeMap::new(),
            libraries: Vec::new(),
            functions: 0,
            has_module_data: false,
            large: Vec::new(),
            now: u64::try_from(now.as_millisecond()).unwrap_or_default(),
            database: 0,
            length: 0,
            is_library: false,
        }
    }

    /// Returns the number of keys of each database, by the names that the header gives them.
    pub(super) fn tables(&self) -> Vec<(String, Option<Rows>)> {
        let databases = self.databases.iter();
        databases
            .map(|(number, keys)| (name_database(*number), Some(Rows::Exact(keys.all))))
            .collect()
    }

    /// Returns the number of keys with a time of expiry.
    pub(super) fn expiring(&self) -> u64 {
        self.databases.values().map(|keys| keys.expiring).sum()
    }

    /// Returns the number of keys whose time of expiry has passed.
    pub(super) fn expired(&self) -> u64 {
        self.databases.values().map(|keys| keys.expired).sum()
    }
}

/// Returns the name of a database in the header of a dump.
pub(super) fn name_database(number: u64) -> String {
    format!("db{number}")
}

impl Visitor for Count {
    const NAMES: bool = false;

    fn visit_database(&mut self, number: u64) -> io::Result<()> {
        self.database = number;
        Ok(())
    }

    fn visit_key(&mut self, key: Key<'_>) -> io::Result<()> {
        self.length = 0;
        self.is_library = false;
        let keys = self.databases.entry(self.database).or_default();
        keys.all += 1;
        keys.expiring += u64::from(key.expires.is_some());
        keys.expired += u64::from(key.expires.is_some_and(|time| time < self.now));
        if self.databases.len() > MOST_DATABASES {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the RDB file has more databases than any server",
            ));
        }
        Ok(())
    }

    fn visit_library(&mut self) -> io::Result<()> {
        self.is_library = true;
        self.functions += 1;
        self.libraries.push(LIBRARY);
        Ok(())
    }

    fn visit_module_data(&mut self) -> io::Result<()> {
        self.has_module_data = true;
        Ok(())
    }

    fn visit_part(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.length += bytes.len() as u64;
        if self.is_library {
            if self.libraries.len() + bytes.len() > LONGEST_LIBRARIES {
                return Err(io::Error::other(
                    "the libraries of functions in the RDB file are too long to restore",
                ));
            }
            self.libraries.extend_from_slice(bytes);
        }
        Ok(())
    }

    fn end_value(&mut self) -> io::Result<()> {
        if !self.is_library && self.length > SMALL as u64 {
            self.large.push(self.length);
        }
        Ok(())
    }
}
