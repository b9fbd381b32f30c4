//! Loads a dump into an existing, empty database, for a role that may not create databases.

use anyhow::{Error, Result, ensure};
use serde::Deserialize;

use super::catalogue::DatabaseSettings;
use super::reach::ask;
use super::target::TargetServer;
use crate::stop::Stop;

/// The server's message when it has no room for more locks.
const NO_ROOM: &str = "out of shared memory";

/// Selects the users' objects, in the order in which they are named. It leaves out objects that
/// belong to an extension, and objects that belong to another object.
const OBJECTS: &str = "WITH space AS (
    SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'),
found (place, classid, objid) AS (
    SELECT 1, 'pg_event_trigger'::regclass, oid FROM pg_event_trigger
    UNION ALL SELECT 2, 'pg_publication'::regclass, oid FROM pg_publication
    UNION ALL SELECT 3, 'pg_class'::regclass, oid FROM pg_class
        WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c') AND relnamespace IN (SELECT oid FROM space)
    UNION ALL SELECT 4, 'pg_proc'::regclass, oid FROM pg_proc WHERE pronamespace IN (SELECT oid FROM space)
    UNION ALL SELECT 5, 'pg_type'::regclass, oid FROM pg_type
        WHERE typnamespace IN (SELECT oid FROM space)
            AND (typtype IN ('d', 'e', 'r') OR typtype = 'b' AND typcategory <> 'A')
    UNION ALL SELECT 6, 'pg_operator'::regclass, oid FROM pg_operator
        WHERE oprnamespace IN (SELECT oid FROM space)
    UNION ALL SELECT 7, 'pg_collation'::regclass, oid FROM pg_collation
        WHERE collnamespace IN (SELECT oid FROM space)
    UNION ALL SELECT 8, 'pg_ts_config'::regclass, oid FROM pg_ts_config
        WHERE cfgnamespace IN (SELECT oid FROM space)
    UNION ALL SELECT 9, 'pg_foreign_data_wrapper'::regclass, oid FROM pg_foreign_data_wrapper
    UNION ALL SELECT 10, 'pg_foreign_server'::regclass, oid FROM pg_foreign_server
    UNION ALL SELECT 11, 'pg_cast'::regclass, oid FROM pg_cast WHERE oid >= 16384
    UNION ALL SELECT 12, 'pg_language'::regclass, oid FROM pg_language WHERE oid >= 16384
    UNION ALL SELECT 13, 'pg_namespace'::regclass, oid FROM pg_namespace
        WHERE oid IN (SELECT oid FROM space) AND nspname <> 'public'
    UNION ALL SELECT 14, 'pg_ts_dict'::regclass, oid FROM pg_ts_dict
        WHERE dictnamespace IN (SELECT oid FROM space)
    UNION ALL SELECT 15, 'pg_ts_parser'::regclass, oid FROM pg_ts_parser
        WHERE prsnamespace IN (SELECT oid FROM space)
    UNION ALL SELECT 16, 'pg_ts_template'::regclass, oid FROM pg_ts_template
        WHERE tmplnamespace IN (SELECT oid FROM space)
    UNION ALL SELECT 17, 'pg_opclass'::regclass, oid FROM pg_opclass
        WHERE opcnamespace IN (SELECT oid FROM space)
    UNION ALL SELECT 18, 'pg_opfamily'::regclass, oid FROM pg_opfamily
        WHERE opfnamespace IN (SELECT oid FROM space)
    UNION ALL SELECT 19, 'pg_conversion'::regclass, oid FROM pg_conversion
        WHERE connamespace IN (SELECT oid FROM space)),
objects AS (
    SELECT place, classid, objid FROM found WHERE NOT EXISTS (
        SELECT FROM pg_depend d
        WHERE d.classid = found.classid AND d.objid = found.objid AND deptype IN ('e', 'i')))";

/// The content of a database.
#[derive(Deserialize)]
struct DatabaseContent {
    objects: Vec<String>,
    large_objects: u64,
    encoding: String,
    collate: String,
}

impl DatabaseContent {
    fn query(target: &TargetServer<'_>, name: &str, stop: Stop) -> Result<Self> {
        let query = format!(
            "{OBJECTS} SELECT json_build_object(
                'objects', (SELECT coalesce(json_agg(pg_describe_object(classid, objid, 0)
                    ORDER BY place), '[]') FROM objects),
                'large_objects', (SELECT count(*) FROM pg_largeobject_metadata),
                'encoding', pg_encoding_to_char(encoding),
                'collate', datcollate) FROM pg_database WHERE datname = current_database()"
        );
        ask(target.server, name, &query, stop)
    }

    fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.large_objects == 0
    }

    fn describe(&self) -> String {
        const NAMED: usize = 5;
        let mut shown: Vec<_> = self.objects.iter().take(NAMED).cloned().collect();
        if self.objects.len() > NAMED {
            shown.push(format!("{} more", self.objects.len() - NAMED));
        }
        if self.large_objects > 0 {
            shown.push("large objects".to_owned());
        }
        shown.join(", ")
    }
}

/// An existing database that a dump is loaded into. The dump is loaded in one transaction, so that a
/// failure leaves nothing of the dump in the database, and nothing that other sessions made
/// meanwhile is dropped.
pub(super) struct FilledDatabase<'a> {
    target: &'a TargetServer<'a>,
    name: &'a str,
}

impl<'a> FilledDatabase<'a> {
    /// Takes the database `name` for a restore. Warns if its encoding or collation differs from the
    /// dumped one's.
    ///
    /// # Errors
    /// When the database is not empty.
    pub(super) fn take(
        target: &'a TargetServer<'a>,
        name: &'a str,
        settings: &DatabaseSettings,
    ) -> Result<Self> {
        let content = DatabaseContent::query(target, name, target.stop)?;
        ensure!(
            content.is_empty(),
            "the database {name} is not empty ({}); --into-empty loads only into an empty one",
            content.describe()
        );
        for (what, dumped, here) in [
            ("encoding", &settings.encoding, &content.encoding),
            ("collation", &settings.collate, &content.collate),
        ] {
            if dumped != here {
                log::warn!(
                    "the {what} of the database {name} is {here}, and the dumped one's is {dumped}; it stays {here}"
                );
            }
        }
        Ok(FilledDatabase { target, name })
    }

    /// Adds to the error of a load what the server needs, if it had no room for the locks of one
    /// transaction. Logs what the database holds after the failure.
    pub(super) fn explain(&self, error: Error) -> Error {
        let name = self.name;
        match DatabaseContent::query(self.target, name, Stop::for_cleanup()) {
            Ok(content) if content.is_empty() => log::info!("the database {name} is empty again"),
            Ok(content) if self.target.keep_going => log::warn!(
                "the database {name} keeps what was loaded and what others put there: {}",
                content.describe()
            ),
            Ok(content) => log::warn!(
                "the database {name} is not empty: it has {}, which other sessions put there during the restore",
                content.describe()
            ),
            Err(error) => log::warn!("cannot list what the database {name} holds: {error:#}"),
        }
        if !format!("{error:#}").contains(NO_ROOM) {
            return error;
        }
        error.context(format!(
            "an existing database is filled in one transaction, and the server has no room for its locks; raise max_locks_per_transaction, or drop the database {name} and restore it as a new one"
        ))
    }
}

/// Sets the parameters of a filled database to those of the dumped one. All other settings stay as
/// they are.
pub(super) fn set_parameters(target: &TargetServer<'_>, name: &str, settings: &DatabaseSettings) {
    for statement in settings.apply_parameters(name) {
        if let Err(error) = target.execute(std::slice::from_ref(&statement), target.stop) {
            log::warn!("the database {name} did not get a setting ({statement}): {error:#}");
        }
    }
}
