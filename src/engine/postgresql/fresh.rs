//! The new database that a dump is loaded into.

use anyhow::{Context, Result};

use super::catalogue::Settings;
use super::reach::ask;
use super::server::{identifier, literal};
use super::target::TargetServer;
use crate::engine::leftover;
use crate::stop::Stop;

/// A database under another name, dropped again unless all went well.
pub(super) struct NewDatabase<'a> {
    pub(super) name: String,
    into: &'a TargetServer<'a>,
    kept: bool,
}

impl<'a> NewDatabase<'a> {
    /// No signal ends this: were the client killed, the server would create it all the same.
    pub(super) fn create(
        into: &'a TargetServer<'a>,
        name: &str,
        settings: &Settings,
    ) -> Result<Self> {
        into.stop.check()?;
        let new = NewDatabase {
            name: beside(name, "restoring"),
            into,
            kept: false,
        };
        let create = settings.create(&new.name, into.facts.major);
        into.execute(&[create], Stop::uninterrupted(into.access.deadline.limit()))
            .context("cannot create a database to restore into")?;
        into.stop.check()?;
        Ok(new)
    }

    pub(super) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for NewDatabase<'_> {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        if let Err(error) = drop_tables(self.into, &self.name) {
            log::debug!("before {} is dropped: {error:#}", self.name);
        }
        if let Err(error) = drop_database(self.into, &self.name) {
            log::warn!(
                "the new database {} may still be there: {error:#}; drop it by hand if it is",
                self.name
            );
        }
    }
}

/// Each table in a transaction of its own: all of them might be more than there are locks.
const DROP_TABLES: &str = "DO $$ DECLARE found text; BEGIN
    FOR found IN SELECT format(CASE relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END
            || ' IF EXISTS %I.%I', nspname, relname)
        FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
        WHERE relkind IN ('r', 'm') AND nspname <> 'information_schema' AND nspname !~ '^pg_'
            AND NOT EXISTS (SELECT FROM pg_depend
                WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e')
    LOOP
        EXECUTE 'DROP ' || found || ' CASCADE';
        COMMIT;
    END LOOP;
END $$";

/// Dropping a database takes a checkpoint, for which a full disk has no room (and one whose dropping
/// failed can never be connected to again). Dropping tables gives their room back at once.
pub(super) fn drop_tables(into: &TargetServer<'_>, name: &str) -> Result<()> {
    let statements = [
        // What a killed client began goes on in the server.
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()",
        "SET lock_timeout = '10s'",
        "SET session_replication_role = replica", // no event trigger of the dump's
        DROP_TABLES,
    ];
    let statements = statements.map(str::to_owned);
    into.server.execute(name, &statements, Stop::cleaning_up())
}

/// Whatever it was: a template, or subscribed to another server's publications.
pub(super) fn drop_database(into: &TargetServer<'_>, name: &str) -> Result<()> {
    let stop = Stop::cleaning_up();
    let plain = format!("ALTER DATABASE {} IS_TEMPLATE false", identifier(name));
    for freed in [into.execute(&[plain], stop), unsubscribe(into, name)] {
        if let Err(error) = freed {
            log::debug!("before {name} is dropped: {error:#}");
        }
    }
    let force = if into.facts.major >= 13 {
        " WITH (FORCE)"
    } else {
        ""
    };
    let drop = format!("DROP DATABASE IF EXISTS {}{force}", identifier(name));
    into.execute(&[drop], stop)
}

/// Without a word to the publisher, whose slot is not this database's.
fn unsubscribe(into: &TargetServer<'_>, name: &str) -> Result<()> {
    let stop = Stop::cleaning_up();
    let query = format!(
        "SELECT coalesce(json_agg(subname), '[]') FROM pg_subscription
            WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = {})",
        literal(name)
    );
    let subscriptions: Vec<String> = ask(into.server, &into.maintenance, &query, stop)?;
    for subscription in subscriptions {
        let subscription = identifier(&subscription);
        let statements = [
            format!("ALTER SUBSCRIPTION {subscription} DISABLE"),
            format!("ALTER SUBSCRIPTION {subscription} SET (slot_name = NONE)"),
            format!("DROP SUBSCRIPTION {subscription}"),
        ];
        into.server.execute(name, &statements, stop)?;
    }
    Ok(())
}

/// `NAME.WHAT-...`, within the 63 bytes a name may have.
pub(super) fn beside(name: &str, what: &str) -> String {
    leftover::name(name, what, 63)
}
