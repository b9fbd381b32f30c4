//! Finds the object that a line number in the client's errors belongs to.

use std::collections::VecDeque;
use std::io::{self, Write};

use memchr::memchr_iter;

use crate::human;

/// The beginning of the client's errors about its input.
const ERROR: &str = "ERROR ";
const LINE: &str = " at line ";

/// The number of places that are remembered: the newest. The client reports an error before it has
/// read far beyond it, and a dump can have any number of objects.
const MOST: usize = 1 << 16;
/// The length at which an object's description is cut, in characters.
const LONGEST: usize = 200;

/// Passes a dump on to `inner` and remembers in which line each object begins.
pub(in super::super) struct Located<W> {
    inner: W,
    lines: usize,
    places: Places,
}

/// The objects, each with the number of the line in which it begins.
#[derive(Debug, Default)]
pub(in super::super) struct Places(VecDeque<(usize, String)>);

impl<W: Write> Located<W> {
    pub(in super::super) fn new(inner: W) -> Self {
        Located {
            inner,
            lines: 0,
            places: Places::default(),
        }
    }

    pub(in super::super) fn into_parts(self) -> (W, Places) {
        (self.inner, self.places)
    }
}

/// A writer that is told which object the following data is about.
pub(in super::super) trait Locate: Write {
    /// Declares that the following lines are about this object.
    fn begin(&mut self, object: String);
}

impl<W: Write> Locate for Located<W> {
    fn begin(&mut self, object: String) {
        let places = &mut self.places.0;
        let object = human::cut(&object, LONGEST);
        if places.back().is_none_or(|(_, last)| *last != object) {
            if places.len() == MOST {
                places.pop_front();
            }
            places.push_back((self.lines + 1, object));
        }
    }
}

impl<W: Write> Write for Located<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(data)?;
        self.lines += memchr_iter(b'\n', &data[..written]).count();
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl Places {
    /// Splits `ERROR 1146 (42S02) at line 12: text` into the object and the error without the line
    /// number. Returns `None` for any other text.
    pub(in super::super) fn locate(&self, said: &str) -> Option<(String, String)> {
        let (before, rest) = said.strip_prefix(ERROR)?.split_once(LINE)?;
        let (line, text) = rest.split_once(": ")?;
        let line: usize = line.parse().ok()?;
        let after = self.0.partition_point(|(first, _)| *first <= line);
        let object = after.checked_sub(1).and_then(|at| self.0.get(at));
        let object = object.map_or("the beginning", |(_, object)| object);
        Some((object.to_owned(), format!("{ERROR}{before}: {text}")))
    }

    /// Returns the text with the object in front of the first error, instead of the line number.
    pub(in super::super) fn explain(&self, said: &str) -> String {
        let Some(at) = said.find(ERROR) else {
            return said.to_owned();
        };
        match self.locate(&said[at..]) {
            Some((object, error)) => format!("{}{object}: {error}", &said[..at]),
            None => said.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_places_are_remembered() {
        let mut located = Located::new(io::sink());
        for number in 0..=MOST {
            located.begin(format!("{number}{}", "x".repeat(2 * LONGEST)));
            located.write_all(b"SELECT 1;\n").unwrap();
        }
        let (_, places) = located.into_parts();
        assert_eq!(places.0.len(), MOST);
        assert!(places.0.iter().all(|(_, object)| object.len() == LONGEST));
    }
}
