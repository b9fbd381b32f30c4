//! What gets the parts of an RDB file.

use std::io;

/// A key of an RDB file, before its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key<'a> {
    /// The name; empty if [`Visitor::NAMES`] is false.
    pub name: &'a [u8],
    /// The number of the type of the value, by which its serialization begins.
    pub kind: u8,
    /// The time at which the key expires, in milliseconds since 1970.
    pub expires: Option<u64>,
    /// The time in seconds since the key was last used, if the server counts that.
    pub idle: Option<u64>,
    /// The logarithmic counter of the key's use, if the server counts that.
    pub frequency: Option<u8>,
}

/// What gets the parts of an RDB file.
pub trait Visitor {
    /// Whether [`Visitor::visit_key`] needs the names.
    const NAMES: bool;

    /// The version of the format.
    fn visit_version(&mut self, _version: u32) {}

    /// The keys that follow are of the database with this number.
    ///
    /// # Errors
    /// Any error; it ends the reading.
    fn visit_database(&mut self, _number: u64) -> io::Result<()> {
        Ok(())
    }

    /// A key. Its serialized value follows in parts, then [`Visitor::end_value`].
    ///
    /// # Errors
    /// Any error; it ends the reading.
    fn visit_key(&mut self, _key: Key<'_>) -> io::Result<()> {
        Ok(())
    }

    /// A library of functions. Its serialized code follows in parts, then [`Visitor::end_value`].
    ///
    /// # Errors
    /// Any error; it ends the reading.
    fn visit_library(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// The next part of what a module keeps outside of keys begins.
    ///
    /// # Errors
    /// Any error; it ends the reading.
    fn visit_module_data(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// A part of a serialized value or library.
    ///
    /// # Errors
    /// Any error; it ends the reading.
    fn visit_part(&mut self, _bytes: &[u8]) -> io::Result<()> {
        Ok(())
    }

    /// The end of a value or library.
    ///
    /// # Errors
    /// Any error; it ends the reading.
    fn end_value(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The visitor that needs nothing: the file is only checked.
impl Visitor for () {
    const NAMES: bool = false;
}
