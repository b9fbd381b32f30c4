//! The lines of a dump in which its objects begin, to name the object of a client's error.

use std::collections::VecDeque;
use std::io::{self, Write};

use memchr::memchr_iter;

use crate::human;

/// The number of objects that are remembered: the newest. A client reports an error before it has
/// read far beyond it, and a dump can have any number of objects.
const MOST: usize = 1 << 16;
/// The length at which an object's description is cut, in characters.
const LONGEST: usize = 200;

/// The objects of a dump, each with the number of the line in which it begins. Line numbers begin
/// at 1.
#[derive(Debug, Default)]
pub(super) struct ObjectLines {
    /// The number of lines that were passed on.
    lines: usize,
    objects: VecDeque<(usize, String)>,
    /// True if older objects were forgotten.
    has_forgotten: bool,
}

impl ObjectLines {
    /// Counts the lines of a text that is passed on.
    pub(super) fn count(&mut self, text: &[u8]) {
        self.lines += memchr_iter(b'\n', text).count();
    }

    /// Declares that the following lines are about this object.
    pub(super) fn begin(&mut self, object: &str) {
        let object = human::cut(object, LONGEST);
        if self.objects.back().is_some_and(|(_, last)| *last == object) {
            return;
        }
        if self.objects.len() == MOST {
            self.objects.pop_front();
            self.has_forgotten = true;
        }
        self.objects.push_back((self.lines + 1, object));
    }

    /// Returns the object that a line is about, `the beginning` if it comes before all objects, or
    /// `None` if its object was forgotten.
    pub(super) fn object_at(&self, line: usize) -> Option<&str> {
        let after = self.objects.partition_point(|(first, _)| *first <= line);
        match after.checked_sub(1).and_then(|at| self.objects.get(at)) {
            Some((_, object)) => Some(object),
            None => (!self.has_forgotten).then_some("the beginning"),
        }
    }
}

/// Passes a dump on to `inner`, a client, and remembers in which line each object begins.
pub(super) struct LocatingWriter<W> {
    inner: W,
    lines: ObjectLines,
}

impl<W: Write> LocatingWriter<W> {
    pub(super) fn new(inner: W) -> Self {
        LocatingWriter {
            inner,
            lines: ObjectLines::default(),
        }
    }

    /// Declares that the following lines are about this object.
    pub(super) fn begin(&mut self, object: &str) {
        self.lines.begin(object);
    }

    pub(super) fn inner(&self) -> &W {
        &self.inner
    }

    pub(super) fn inner_mut(&mut self) -> &mut W {
        &mut self.inner
    }

    /// Returns the client, and the lines of the objects.
    pub(super) fn into_parts(self) -> (W, ObjectLines) {
        (self.inner, self.lines)
    }
}

impl<W: Write> Write for LocatingWriter<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(data)?;
        self.lines.count(&data[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_objects_are_remembered() {
        let mut lines = ObjectLines::default();
        lines.count(b"SET x = 1;\n");
        for number in 0..=MOST {
            if number == MOST {
                assert_eq!(lines.object_at(1), Some("the beginning"));
            }
            lines.begin(&format!("{number}{}", "x".repeat(2 * LONGEST)));
            lines.count(b"SELECT 1;\n");
        }
        assert_eq!(lines.objects.len(), MOST);
        assert!(
            lines
                .objects
                .iter()
                .all(|(_, object)| object.len() == LONGEST)
        );
        assert_eq!((lines.object_at(1), lines.object_at(2)), (None, None));
        assert!(lines.object_at(3).unwrap().starts_with("1x"));
        assert!(lines.object_at(MOST + 9).unwrap().starts_with("65536x"));
    }
}
