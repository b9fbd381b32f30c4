//! Builds the client's command line for a dump.

use std::process::Command;
use std::time::Duration;

use super::catalogue::DatabaseProperties;
use super::server::Server;

/// The flags of every dump of a database. They override what an option file says.
const FLAGS: [&str; 16] = [
    "--skip-force",
    "--skip-no-data",
    "--skip-no-create-info",
    "--skip-compact",
    "--skip-insert-ignore",
    "--opt",
    "--single-transaction",
    "--quick",
    "--routines",
    "--events",
    "--triggers",
    "--hex-blob",
    "--comments",
    "--no-tablespaces",
    "--quote-names",
    "--tz-utc",
];

/// Returns the command that dumps the definitions of the tables without rows of the database `name`.
pub(super) fn dump_definitions(
    server: &Server,
    name: &str,
    database: &DatabaseProperties,
    lock_timeout: Duration,
) -> Command {
    let mut command = begin(server, name, database, lock_timeout);
    // The dump of the database has the routines and events.
    command.args(["--no-data", "--skip-routines", "--skip-events"]);
    command.arg("--").arg(name).args(&database.selected.rows);
    command
}

/// Returns the command that dumps the database `name` and waits for a lock for at most `lock_timeout`.
pub(super) fn dump(
    server: &Server,
    name: &str,
    database: &DatabaseProperties,
    lock_timeout: Duration,
) -> Command {
    let mut command = begin(server, name, database, lock_timeout);
    command.args(database.selected.options(name, &server.dumper));
    command.arg("--").arg(name);
    command
}

/// Returns the command with the flags of every dump.
fn begin(
    server: &Server,
    name: &str,
    database: &DatabaseProperties,
    lock_timeout: Duration,
) -> Command {
    let dumper = &server.dumper;
    let mut command = server.build_client(dumper);
    command.args(FLAGS);
    for (flag, wanted) in [
        ("set-gtid-purged=OFF", true),
        ("column-statistics=0", true),
        ("dump-history", database.has_history),
        // A sequence cannot give a value while only its table is locked.
        ("skip-add-locks", database.uses_sequences),
    ] {
        let name = flag.split('=').next().unwrap_or_default();
        let known = dumper.has_option(name.trim_start_matches("skip-"));
        if known && wanted {
            command.arg(format!("--{flag}"));
        }
    }
    if database.has_history && !dumper.has_option("dump-history") {
        log::warn!(
            "{name}: {} cannot dump the history of system-versioned tables; their present rows are dumped",
            dumper.program
        );
    }
    if dumper.has_option("init-command") {
        let wait = lock_timeout.as_secs();
        let limit = server.time_limit;
        let limit = limit.map_or(String::new(), |limit| format!(", {limit} = 0"));
        command.arg(format!(
            "--init-command=SET SESSION lock_wait_timeout = {wait}{limit}"
        ));
    }
    for unreadable in &database.unreadable {
        command.arg(format!("--ignore-table={name}.{}", unreadable.name));
    }
    command
}
