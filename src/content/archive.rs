//! The custom format (`pg_dump -Fc`), read as it passes.
//!
//! Source of the format: `pg_backup_archiver.c` and `pg_backup_custom.c` of PostgreSQL. A head, a
//! table of contents, then one block of data for each entry that says it has data. The file has no
//! end mark: whole is one that has every block, each to its end, which `pg_restore --list` does
//! not look at.

use std::collections::HashSet;

const MAGIC: &[u8] = b"PGDMP";
const CUSTOM: u8 = 1;
const DATA: u8 = 1;
const LARGE_OBJECTS: u8 = 3;
const OLDEST: (u8, u8) = (1, 12);
const LONGEST_ENTRY: usize = 1 << 30;

/// An archive of which only parts pass at a time.
#[derive(Debug, Default)]
pub struct Archive {
    pending: Vec<u8>,
    /// It makes no sense to try again with fewer bytes.
    wanted: usize,
    layout: Layout,
    state: State,
    /// Entries whose data did not come yet.
    missing: HashSet<i64>,
    broken: Option<String>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Layout {
    version: (u8, u8),
    int: usize,
    offset: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq)]
enum State {
    #[default]
    Head,
    Entries(i64),
    Between,
    LargeObjects,
    /// In the data of a table, or of one of several large objects.
    Chunks {
        large_object: bool,
    },
    Chunk {
        left: usize,
        large_object: bool,
    },
}

impl Archive {
    /// The archive goes on.
    pub fn look(&mut self, mut data: &[u8]) {
        while !data.is_empty() && self.broken.is_none() {
            if let State::Chunk { left, large_object } = self.state {
                let passed = left.min(data.len());
                data = &data[passed..];
                self.state = match left - passed {
                    0 => State::Chunks { large_object },
                    left => State::Chunk { left, large_object },
                };
                continue;
            }
            // What belongs to a chunk is not copied: it is most of the archive.
            let taken = data.len().min(4096);
            self.pending.extend_from_slice(&data[..taken]);
            data = &data[taken..];
            if self.pending.len() < self.wanted {
                continue;
            }
            if let Err(why) = self.parse() {
                self.broken = Some(why);
            }
        }
    }

    /// # Errors
    /// How it is damaged or incomplete, once all has passed.
    pub fn check(&mut self) -> Result<(), String> {
        if self.broken.is_none() {
            self.broken = self.parse().err();
        }
        match &self.broken {
            Some(why) => Err(why.clone()),
            None if self.state != State::Between || !self.pending.is_empty() => {
                Err("its content ends in the middle of a pg_dump archive".to_owned())
            }
            None if !self.missing.is_empty() => Err(format!(
                "its content lacks the data of {} that its pg_dump archive lists",
                crate::human::count(self.missing.len(), "table")
            )),
            None => Ok(()),
        }
    }

    fn parse(&mut self) -> Result<(), String> {
        let pending = std::mem::take(&mut self.pending);
        let mut rest = &pending[..];
        loop {
            if let State::Chunk { left, large_object } = self.state {
                let passed = left.min(rest.len());
                rest = &rest[passed..];
                if passed < left {
                    let left = left - passed;
                    self.state = State::Chunk { left, large_object };
                    return Ok(());
                }
                self.state = State::Chunks { large_object };
            }
            let mut fields = Fields {
                bytes: rest,
                layout: self.layout,
            };
            match self.step(&mut fields)? {
                Some(next) if !rest.is_empty() => {
                    self.state = next;
                    rest = fields.bytes;
                    self.wanted = 0;
                }
                _ => break,
            }
        }
        if rest.len() > LONGEST_ENTRY {
            return Err("its content is not a pg_dump archive that makes sense".to_owned());
        }
        // Doubling keeps a long entry from being read again for every few bytes of it.
        self.wanted = match self.state {
            State::Entries(_) => 2 * rest.len(),
            _ => 0,
        };
        self.pending = rest.to_vec();
        Ok(())
    }

    /// The state after the next item; none while it is incomplete.
    fn step(&mut self, fields: &mut Fields<'_>) -> Result<Option<State>, String> {
        Ok(match self.state {
            State::Head => match fields.head()? {
                Some((layout, count)) => {
                    self.layout = layout;
                    Some(entries_left(count))
                }
                None => None,
            },
            State::Entries(left) => fields.entry().map(|(id, has_data)| {
                if has_data {
                    self.missing.insert(id);
                }
                entries_left(left - 1)
            }),
            State::Between => match fields.block() {
                Some((kind, id)) => {
                    if !self.missing.remove(&id) {
                        return Err("its content has a block of data that belongs nowhere".into());
                    }
                    match kind {
                        DATA => Some(State::Chunks {
                            large_object: false,
                        }),
                        LARGE_OBJECTS => Some(State::LargeObjects),
                        _ => return Err(format!("its content has a block of kind {kind}")),
                    }
                }
                None => None,
            },
            State::LargeObjects => fields.int().map(|oid| match oid {
                0 => State::Between,
                _ => State::Chunks { large_object: true },
            }),
            State::Chunks { large_object } => match (fields.int(), large_object) {
                (Some(0), true) => Some(State::LargeObjects),
                (Some(0), false) => Some(State::Between),
                (Some(length), _) => Some(State::Chunk {
                    left: usize::try_from(length)
                        .map_err(|_| "its content has a chunk of negative length")?,
                    large_object,
                }),
                (None, _) => None,
            },
            State::Chunk { .. } => None,
        })
    }
}

fn entries_left(count: i64) -> State {
    if count > 0 {
        State::Entries(count)
    } else {
        State::Between
    }
}

/// Reads fields off the front; none where the bytes end first.
struct Fields<'a> {
    bytes: &'a [u8],
    layout: Layout,
}

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|taken| taken[0])
    }

    /// A sign, then as many bytes as the head says, the lowest first.
    fn int(&mut self) -> Option<i64> {
        let negative = self.byte()? != 0;
        let bytes = self.take(self.layout.int)?;
        let value = bytes
            .iter()
            .rev()
            .fold(0, |value, byte| (value << 8) | i64::from(*byte));
        Some(if negative { -value } else { value })
    }

    /// Whether there is one: a string may be null.
    fn string(&mut self) -> Option<bool> {
        let length = self.int()?;
        match usize::try_from(length) {
            Ok(length) => self.take(length).map(|_| true),
            Err(_) => Some(false),
        }
    }

    fn strings(&mut self, count: usize) -> Option<()> {
        (0..count).try_for_each(|_| self.string().map(|_| ()))
    }

    fn head(&mut self) -> Result<Option<(Layout, i64)>, String> {
        let known = self.bytes.len().min(MAGIC.len());
        if self.bytes[..known] != MAGIC[..known] {
            return Err("its content is not a pg_dump archive".to_owned());
        }
        let Some(front) = self.take(MAGIC.len() + 6) else {
            return Ok(None);
        };
        let (version, int, offset) = ((front[5], front[6]), front[8], front[9]);
        if version < OLDEST || front[10] != CUSTOM || int > 8 {
            return Err(format!(
                "its content is a pg_dump archive of an unknown kind ({}.{})",
                version.0, version.1
            ));
        }
        self.layout = Layout {
            version,
            int: int.into(),
            offset: offset.into(),
        };
        let mut rest = || {
            if version >= (1, 15) {
                self.byte()?;
            } else {
                self.int()?;
            }
            (0..7).try_for_each(|_| self.int().map(|_| ()))?; // when it was made
            self.strings(3)?; // database, versions of server and client
            self.int()
        };
        Ok(rest().map(|count| (self.layout, count)))
    }

    /// An entry's number and whether it has data.
    fn entry(&mut self) -> Option<(i64, bool)> {
        let id = self.int()?;
        let has_data = self.int()? != 0;
        self.strings(4)?; // catalogue's oid, own oid, tag, kind
        self.int()?; // section
        self.strings(5)?; // definition, drop, copy, namespace, tablespace
        if self.layout.version >= (1, 14) {
            self.string()?; // table access method
        }
        if self.layout.version >= (1, 16) {
            self.int()?; // relation kind
        }
        self.strings(2)?; // owner, with oids
        while self.string()? {} // dependencies
        self.take(1 + self.layout.offset)?; // where its data is, where that is known
        Some((id, has_data))
    }

    fn block(&mut self) -> Option<(u8, i64)> {
        Some((self.byte()?, self.int()?))
    }
}
