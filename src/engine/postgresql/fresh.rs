//! Creates and drops the new database that a dump is loaded into.

use anyhow::{Context, Result};

use super::catalogue::DatabaseSettings;
use super::reach::ask;
use super::sql::{quote_identifier, quote_literal};
use super::target::TargetServer;
use crate::engine::leftover;
use crate::stop::Stop;

/// A new database, in most cases under a temporary name. It is dropped again unless the restore
/// succeeds.
pub(super) struct NewDatabase<'a> {
    pub(super) name: String,
    target: &'a TargetServer<'a>,
    kept: bool,
}

impl<'a> NewDatabase<'a> {
    /// Creates a database that gets the name `name` later.
    pub(super) fn create(
        target: &'a TargetServer<'a>,
        name: &str,
        settings: &DatabaseSettings,
    ) -> Result<Self> {
        let name = make_new_name(name, "restoring");
        let create = settings.create(&name, target.facts.major);
        NewDatabase::create_by(target, name, create)
    }

    /// Creates the database `name`, which nobody can connect to yet.
    pub(super) fn create_closed(
        target: &'a TargetServer<'a>,
        name: String,
        settings: &DatabaseSettings,
    ) -> Result<Self> {
        let create = settings.create(&name, target.facts.major) + " ALLOW_CONNECTIONS false";
        NewDatabase::create_by(target, name, create)
    }

    /// Creates the database `name` by the statement `create`. No signal interrupts this: if the client were killed, the
    /// server would still create the database.
    fn create_by(target: &'a TargetServer<'a>, name: String, create: String) -> Result<Self> {
        target.stop.check()?;
        let new = NewDatabase {
            name,
            target,
            kept: false,
        };
        target.execute(
            &[create],
            Stop::without_signals(target.access.deadline.limit()),
        )
        .context("cannot create a database to restore into (--into-empty loads into one that exists and is empty)")?;
        target.stop.check()?;
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
        if let Err(error) = drop_tables(self.target, &self.name) {
            log::debug!("cannot prepare dropping {}: {error:#}", self.name);
        }
        if let Err(error) = drop_database(self.target, &self.name) {
            log::warn!(
                "the new database {} may still be there: {error:#}; drop it by hand if it is",
                self.name
            );
        }
    }
}

/// The statement that drops all tables, each in a separate transaction: all tables together might
/// need more locks than the server has.
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

/// Drops the tables of a database, which frees their space at once. Dropping a database requires a
/// checkpoint, for which a full disk has no room, and nobody can connect again to a database whose
/// dropping failed.
pub(super) fn drop_tables(target: &TargetServer<'_>, name: &str) -> Result<()> {
    let statements = [
        // The server continues a statement even if the client that began it was killed.
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()",
        "SET lock_timeout = '10s'",
        "SET session_replication_role = replica", // no event trigger of the dump runs
        DROP_TABLES,
    ];
    let statements = statements.map(str::to_owned);
    target
        .server
        .execute(name, &statements, Stop::for_cleanup())
}

/// Drops a database, even if it is a template or subscribes to another server's publications.
pub(super) fn drop_database(target: &TargetServer<'_>, name: &str) -> Result<()> {
    let stop = Stop::for_cleanup();
    let plain = format!(
        "ALTER DATABASE {} IS_TEMPLATE false",
        quote_identifier(name)
    );
    for freed in [target.execute(&[plain], stop), unsubscribe(target, name)] {
        if let Err(error) = freed {
            log::debug!("cannot prepare dropping {name}: {error:#}");
        }
    }
    let force = if target.facts.major >= 13 {
        " WITH (FORCE)"
    } else {
        ""
    };
    let drop = format!("DROP DATABASE IF EXISTS {}{force}", quote_identifier(name));
    target.execute(&[drop], stop)
}

/// Drops the subscriptions of a database. It does not tell the publisher, because the slot there
/// does not belong to this database.
fn unsubscribe(target: &TargetServer<'_>, name: &str) -> Result<()> {
    let stop = Stop::for_cleanup();
    let query = format!(
        "SELECT coalesce(json_agg(subname), '[]') FROM pg_subscription
            WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = {})",
        quote_literal(name)
    );
    let subscriptions: Vec<String> = ask(target.server, &target.maintenance, &query, stop)?;
    for subscription in subscriptions {
        let subscription = quote_identifier(&subscription);
        let statements = [
            format!("ALTER SUBSCRIPTION {subscription} DISABLE"),
            format!("ALTER SUBSCRIPTION {subscription} SET (slot_name = NONE)"),
            format!("DROP SUBSCRIPTION {subscription}"),
        ];
        target.server.execute(name, &statements, stop)?;
    }
    Ok(())
}

/// The number of bytes that the name of a database may have.
pub(super) const LONGEST_NAME: usize = 63;

/// Returns the name `NAME.WHAT-...`, within the bytes that a name may have.
pub(super) fn make_new_name(name: &str, what: &str) -> String {
    leftover::make_name(name, what, LONGEST_NAME)
}
