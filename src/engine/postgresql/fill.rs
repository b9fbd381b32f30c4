//! Loads a dump into an existing, empty database, for a role that may not create databases.

use anyhow::{Result, ensure};
use serde::Deserialize;

use super::catalogue::Settings;
use super::reach::ask;
use super::server::literal;
use super::target::TargetServer;
use crate::stop::Stop;

/// Selects the users' objects, in the order in which they are dropped. It leaves out objects that
/// belong to an extension, and objects that are dropped together with another object.
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
        WHERE oid IN (SELECT oid FROM space) AND nspname <> 'public'),
objects AS (
    SELECT place, classid, objid FROM found WHERE NOT EXISTS (
        SELECT FROM pg_depend d
        WHERE d.classid = found.classid AND d.objid = found.objid AND deptype IN ('e', 'i')))";

/// The content of a database.
#[derive(Deserialize)]
struct Content {
    objects: Vec<String>,
    large_objects: u64,
    extensions: Vec<String>,
    encoding: String,
    collate: String,
}

impl Content {
    fn of(into: &TargetServer<'_>, name: &str, stop: Stop) -> Result<Self> {
        let query = format!(
            "{OBJECTS} SELECT json_build_object(
                'objects', (SELECT coalesce(json_agg(pg_describe_object(classid, objid, 0)
                    ORDER BY place), '[]') FROM objects),
                'large_objects', (SELECT count(*) FROM pg_largeobject_metadata),
                'extensions', (SELECT coalesce(json_agg(extname), '[]') FROM pg_extension),
                'encoding', pg_encoding_to_char(encoding),
                'collate', datcollate) FROM pg_database WHERE datname = current_database()"
        );
        ask(into.server, name, &query, stop)
    }

    fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.large_objects == 0
    }

    fn shown(&self) -> String {
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

/// A database that was empty before the restore. It is emptied again on drop, unless the restore
/// succeeded.
pub(super) struct Filled<'a> {
    into: &'a TargetServer<'a>,
    name: &'a str,
    /// The extensions that the database had before the restore.
    extensions: Vec<String>,
    kept: bool,
}

impl<'a> Filled<'a> {
    /// Takes the database `name` for a restore. Warns if its encoding or collation differs from the
    /// dumped one's.
    ///
    /// # Errors
    /// When the database is not empty.
    pub(super) fn take(
        into: &'a TargetServer<'a>,
        name: &'a str,
        settings: &Settings,
    ) -> Result<Self> {
        let content = Content::of(into, name, into.stop)?;
        ensure!(
            content.is_empty(),
            "the database {name} is not empty ({}); --into-empty loads only into an empty one",
            content.shown()
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
        Ok(Filled {
            into,
            name,
            extensions: content.extensions,
            kept: false,
        })
    }

    pub(super) fn keep(mut self) {
        self.kept = true;
    }

    /// Drops what was loaded, each object in a separate transaction: all objects together might
    /// need more locks than the server has.
    fn empty(&self) -> Result<()> {
        let stop = Stop::cleaning_up();
        let there = self.extensions.iter().map(|name| literal(name));
        let there: Vec<_> = there.collect();
        let statements = [
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND usename = current_user
                    AND pid <> pg_backend_pid()"
                .to_owned(),
            "SET lock_timeout = '10s'".to_owned(),
            format!(
                "DO $$ DECLARE found text; BEGIN
                FOR found IN SELECT extname FROM pg_extension WHERE extname <> ALL (ARRAY[{}]::text[])
                LOOP
                    EXECUTE format('DROP EXTENSION IF EXISTS %I CASCADE', found);
                    COMMIT;
                END LOOP;
                FOR found IN {OBJECTS}
                    SELECT format('DROP %s IF EXISTS %s CASCADE',
                        CASE o.type WHEN 'composite type' THEN 'type' ELSE replace(o.type, '-', ' ') END,
                        o.identity)
                    FROM objects, pg_identify_object(classid, objid, 0) o ORDER BY place
                LOOP
                    EXECUTE found;
                    COMMIT;
                END LOOP;
                PERFORM lo_unlink(oid) FROM pg_largeobject_metadata;
            END $$",
                there.join(", ")
            ),
        ];
        self.into.server.execute(self.name, &statements, stop)?;
        let left = Content::of(self.into, self.name, stop)?;
        ensure!(left.is_empty(), "it still has {}", left.shown());
        Ok(())
    }
}

impl Drop for Filled<'_> {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        let name = self.name;
        match self.empty() {
            Ok(()) => log::info!("the database {name} is empty again"),
            Err(error) => log::warn!(
                "the database {name} was not emptied again: {error:#}; DROP SCHEMA ... CASCADE does it by hand"
            ),
        }
    }
}

/// Sets the parameters of a filled database to those of the dumped one. All other settings stay as
/// they are.
pub(super) fn set_parameters(into: &TargetServer<'_>, name: &str, settings: &Settings) {
    for statement in settings.apply_parameters(name) {
        if let Err(error) = into.execute(std::slice::from_ref(&statement), into.stop) {
            log::warn!("the database {name} did not get a setting ({statement}): {error:#}");
        }
    }
}
