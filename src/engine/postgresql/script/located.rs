//! Finds the object that a line number in psql's errors belongs to.

use std::collections::VecDeque;
use std::io::{self, Write};

use memchr::memchr_iter;

use super::entries::{Entry, Parts};
use crate::human;

/// The beginning of psql's errors about its input.
const PLACE: &str = "psql:<stdin>:";

/// The number of places that are remembered: the newest. psql reports an error before it has read
/// far beyond it, and a dump can have any number of objects.
const MOST: usize = 1 << 16;
/// The length at which an object's description is cut, in characters.
const LONGEST: usize = 200;

/// Passes a dump on to `inner` and remembers in which line each object's entry begins.
pub(in super::super) struct Located<W> {
    inner: W,
    lines: usize,
    places: Places,
}

/// The objects, each with the number of the line in which its entry begins.
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

    /// Declares that the following lines are about this object.
    pub(in super::super) fn begin(&mut self, object: &str) {
        let places = &mut self.places.0;
        if places.len() == MOST {
            places.pop_front();
        }
        places.push_back((self.lines + 1, human::cut(object, LONGEST)));
    }

    pub(in super::super) fn pass(&mut self, text: &[u8]) -> io::Result<()> {
        self.inner.write_all(text)?;
        self.lines += memchr_iter(b'\n', text).count();
        Ok(())
    }

    pub(in super::super) fn into_parts(self) -> (W, Places) {
        (self.inner, self.places)
    }
}

impl Places {
    fn object_at(&self, line: usize) -> Option<&str> {
        let after = self.0.partition_point(|(first, _)| *first <= line);
        let (_, object) = self.0.get(after.checked_sub(1)?)?;
        Some(object)
    }

    /// Splits psql's `psql:<stdin>:12: ERROR:  text` into the object, if it is known, and
    /// `ERROR:  text`.
    pub(in super::super) fn locate<'a>(&self, said: &'a str) -> Option<(Option<&str>, &'a str)> {
        let (line, text) = said.strip_prefix(PLACE)?.split_once(": ")?;
        Some((self.object_at(line.parse().ok()?), text))
    }

    /// Returns the text with the object in place of the first line number.
    pub(in super::super) fn explain(&self, said: &str) -> String {
        let Some(at) = said.find(PLACE) else {
            return said.to_owned();
        };
        let (before, error) = said.split_at(at);
        match self.locate(error) {
            Some((Some(object), text)) => format!("{before}{object}: {text}"),
            _ => said.to_owned(),
        }
    }
}

impl<W: Write> Parts for Located<W> {
    fn entry(&mut self, entry: &Entry) -> io::Result<()> {
        self.begin(&entry.object());
        Ok(())
    }

    fn sql(&mut self, lines: &[u8], _between: bool) -> io::Result<()> {
        self.pass(lines)
    }

    fn copy(&mut self, statement: &[u8]) -> io::Result<()> {
        self.pass(statement)
    }

    fn rows(&mut self, rows: &[u8]) -> io::Result<()> {
        self.pass(rows)
    }

    fn end_rows(&mut self, line: &[u8]) -> io::Result<()> {
        self.pass(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_places_are_remembered() {
        let mut located = Located::new(io::sink());
        for number in 0..=MOST {
            located.begin(&format!("{number}{}", "x".repeat(2 * LONGEST)));
            located.pass(b"SELECT 1;\n").unwrap();
        }
        let (_, places) = located.into_parts();
        assert_eq!(places.0.len(), MOST);
        assert!(places.0.iter().all(|(_, object)| object.len() == LONGEST));
        assert_eq!(places.object_at(1), None);
        assert!(places.object_at(2).unwrap().starts_with("1x"));
        assert!(places.object_at(MOST + 9).unwrap().starts_with("65536x"));
    }
}
