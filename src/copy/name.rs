//! The names of copies in a destination: `HOST/DATABASE/DUMP`, with `.age` if the copy is encrypted. Each
//! has a sidecar beside it: `COPY.copy.json` or `COPY.replaced.json`. DATABASE is the NAME of the dumps, or
//! `NAME@DIRECTORY` where several dump directories have different databases of this NAME. No NAME except `@globals`
//! has an `@`, so no database has such a folder as its own.

use std::fmt;

use crate::header::DumpKind;
use crate::name::{DumpName, Name};

const ENCRYPTED: &str = ".age";
const REGULAR: &str = ".copy.json";
const REPLACED: &str = ".replaced.json";
/// What stands between the NAME and the directory in the name of a folder.
const OF_DIRECTORY: char = '@';

/// A copy's name in its folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CopyName {
    /// The dump's name.
    pub dump: DumpName,
    /// True if the copy is encrypted.
    pub is_encrypted: bool,
}

impl CopyName {
    /// Parses a name. Returns `None` if this program could not have made it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (dump, is_encrypted) = match text.strip_suffix(ENCRYPTED) {
            Some(dump) => (dump, true),
            None => (text, false),
        };
        let dump = DumpName::parse(dump)?;
        Some(CopyName { dump, is_encrypted })
    }

    /// Parses the name of a sidecar. Returns the name of its copy, and the kind of the dump.
    #[must_use]
    pub fn parse_sidecar(text: &str) -> Option<(Self, DumpKind)> {
        let regular = text
            .strip_suffix(REGULAR)
            .map(|name| (name, DumpKind::Regular));
        let replaced = || {
            text.strip_suffix(REPLACED)
                .map(|name| (name, DumpKind::Replaced))
        };
        let (name, kind) = regular.or_else(replaced)?;
        Some((CopyName::parse(name)?, kind))
    }

    /// Returns the name of the copy's sidecar.
    #[must_use]
    pub fn sidecar(&self, kind: DumpKind) -> String {
        let suffix = match kind {
            DumpKind::Regular => REGULAR,
            DumpKind::Replaced => REPLACED,
        };
        format!("{self}{suffix}")
    }
}

impl fmt::Display for CopyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suffix = if self.is_encrypted { ENCRYPTED } else { "" };
        write!(f, "{}{suffix}", self.dump)
    }
}

/// A database's folder in a destination.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Folder {
    /// The machine whose database it is.
    pub host: Name,
    /// The NAME of the database's dumps.
    pub database: Name,
    /// The dump directory, if another directory has another database of this NAME.
    pub directory: Option<Name>,
}

impl Folder {
    /// Parses the path of a folder. Returns `None` if no folder can have this path.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let (host, name) = path.split_once('/')?;
        let (database, directory) = if let Some(database) = Name::parse(name) {
            (database, None)
        } else {
            let (database, directory) = name.rsplit_once(OF_DIRECTORY)?;
            (Name::parse(database)?, Some(Name::parse(directory)?))
        };
        Some(Folder {
            host: Name::parse(host)?,
            database,
            directory,
        })
    }

    /// Returns the name of the folder below its machine's: NAME, or NAME@DIRECTORY.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.directory {
            Some(directory) => format!("{}{OF_DIRECTORY}{directory}", self.database),
            None => self.database.to_string(),
        }
    }

    /// Returns the path of a file in the folder.
    #[must_use]
    pub fn path_of(&self, file: &str) -> String {
        format!("{self}/{file}")
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.name())
    }
}

/// Parses the path of a copy in a destination. Returns `None` if no copy can have this path.
#[must_use]
pub(super) fn parse_path(path: &str) -> Option<(Folder, CopyName)> {
    let (folder, name) = parse_file(path)?;
    let name = CopyName::parse(name).filter(|name| name.dump.name == folder.database)?;
    Some((folder, name))
}

/// Parses the path of any file in a database's folder. Returns the folder and the file's name.
#[must_use]
pub(super) fn parse_file(path: &str) -> Option<(Folder, &str)> {
    let (folder, file) = path.rsplit_once('/')?;
    Some((Folder::parse(folder)?, file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_and_print() {
        for text in [
            "shop-20261122T193000Z.sqlite.gz",
            "a%2Fb-20261122T193000Z_02.sql.zst.age",
            "@globals-20261122T193000Z.sql.gz.age",
        ] {
            let name = CopyName::parse(text).unwrap();
            assert_eq!(name.to_string(), text);
            for kind in [DumpKind::Regular, DumpKind::Replaced] {
                let sidecar = name.sidecar(kind);
                assert_eq!(
                    CopyName::parse_sidecar(&sidecar),
                    Some((name.clone(), kind))
                );
                assert_eq!(CopyName::parse(&sidecar), None);
            }
        }
        for foreign in [
            "shop.age",
            "shop-20261122T193000Z.sqlite.gz.age.age",
            "x.copy.json",
        ] {
            assert_eq!(CopyName::parse(foreign), None);
            assert_eq!(CopyName::parse_sidecar(foreign), None);
        }
        let path = "web/shop/shop-20261122T193000Z.sqlite.gz";
        let (folder, name) = parse_path(path).unwrap();
        assert_eq!(folder.path_of(&name.to_string()), path);
        for foreign in [
            "web/shop-20261122T193000Z.sqlite.gz",
            "web/other/shop-20261122T193000Z.sqlite.gz",
            "a/web/shop/shop-20261122T193000Z.sqlite.gz",
            "web/other@shop/shop-20261122T193000Z.sqlite.gz",
            "web/shop@two/shop@two-20261122T193000Z.sqlite.gz",
            "web/@two/shop-20261122T193000Z.sqlite.gz",
            "web/shop@/shop-20261122T193000Z.sqlite.gz",
            "web/shop@../shop-20261122T193000Z.sqlite.gz",
        ] {
            assert_eq!(parse_path(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn the_folder_of_a_directory_is_no_folder_of_a_name() {
        for (text, database, directory) in [
            ("web/shop", "shop", None),
            ("web/shop@two", "shop", Some("two")),
            ("web/@globals", "@globals", None),
            ("web/@globals@mysql", "@globals", Some("mysql")),
            ("web/a%2Fb@c%2Fd", "a%2Fb", Some("c%2Fd")),
        ] {
            let folder = Folder::parse(text).unwrap();
            assert_eq!(folder.database.as_str(), database);
            assert_eq!(folder.directory.as_ref().map(Name::as_str), directory);
            assert_eq!(folder.to_string(), text);
        }
        assert_eq!(Name::encode(b"shop@two").unwrap().as_str(), "shop%40two");
        for foreign in ["shop", "web/shop@a@b", "web/@globals@@globals"] {
            assert_eq!(Folder::parse(foreign), None, "{foreign}");
        }
    }
}
