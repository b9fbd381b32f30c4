//! How a dump is rewritten.

/// The names of the dumped and the target database, and how to rewrite the dump.
#[derive(Debug, Clone, Copy)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a separate flag, which no other flag decides"
)]
pub(in super::super::super) struct RewriteOptions<'a> {
    /// The name of the dumped database.
    pub(in super::super::super) own: &'a str,
    /// The name of the database that the dump is loaded into.
    pub(in super::super::super) target: &'a str,
    /// True if names of databases that differ only in case are the same name.
    pub(in super::super::super) ignore_case: bool,
    /// True if the loaded database is dropped again, so that nothing in it ever runs.
    pub(in super::super::super) is_rehearsal: bool,
    /// True if tables, sequences and rows are left out, because the target has them.
    pub(in super::super::super) without_tables: bool,
    /// True if definers are left out, so that the restoring user is the definer of all objects.
    pub(in super::super::super) no_owner: bool,
}

impl RewriteOptions<'_> {
    /// Returns true if `name` is the name of the dumped database.
    pub(super) fn is_own(&self, name: &str) -> bool {
        name == self.own || (self.ignore_case && name.to_lowercase() == self.own.to_lowercase())
    }

    /// Returns true if the target has another name than the dumped database.
    pub(super) fn is_copy(&self) -> bool {
        self.own != self.target
    }
}
