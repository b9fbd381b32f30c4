//! Loading a dump into a server: always into a new database, which gets its name when all is
//! well.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::catalogue::{self, Settings, Target};
use super::script::{Restricting, Script};
use super::server::literal;
use super::{Server, ServerFacts, ask, connect_anywhere, fresh::New, parallel, swap};
use crate::child::Child;
use crate::engine::access::Access;
use crate::engine::feed::finish;
use crate::engine::missing::Missing;
use crate::engine::source::Save;
use crate::header::Header;
use crate::name::Format;
use crate::read::read_whole;
use crate::stop::Stop;

/// A server something is restored into.
pub(super) struct Into<'a> {
    pub(super) server: &'a Server,
    /// A database that is not the one restored.
    pub(super) maintenance: String,
    pub(super) facts: ServerFacts,
    pub(super) target: Target,
    pub(super) access: &'a Access,
    pub(super) stop: Stop,
}

impl<'a> Into<'a> {
    /// A server in which the database `restored` will change hands.
    pub(super) fn connect(
        server: &'a Server,
        restored: Option<&str>,
        access: &'a Access,
    ) -> Result<Self> {
        let stop = access.deadline;
        let (maintenance, _, facts) = connect_anywhere(server, restored, stop)?;
        let target = ask(server, &maintenance, catalogue::TARGET, stop)?;
        Ok(Into {
            server,
            maintenance,
            facts,
            target,
            access,
            stop,
        })
    }

    pub(super) fn execute(&self, statements: &[String], stop: Stop) -> Result<()> {
        self.server.execute(&self.maintenance, statements, stop)
    }
}

/// Restores a dump into the database `name`. Where the replaced database's dump is, if there was
/// one.
///
/// # Errors
/// Whatever keeps it from being restored; what was there is then as it was.
pub fn run(
    dump: &File,
    header: &Header,
    server: &Server,
    name: &str,
    save: Option<Save<'_>>,
    access: &Access,
) -> Result<Option<PathBuf>> {
    let settings = Value::Object(header.facts.settings.clone());
    let settings: Settings = serde_json::from_value(settings)
        .context("the dump's header lacks the database's settings")?;
    let into = Into::connect(server, Some(name), access)?;
    let exists = into.target.databases.contains(name);
    ensure!(
        save.is_some() || !exists,
        "the database {name} exists; --replace dumps it first and then replaces it"
    );
    if exists {
        refuse_if_replicated(&into, name)?;
    }
    preflight(&into, header, &settings)?;

    let new = New::create(&into, name, &settings)?;
    match header.format {
        Format::Pgdump => parallel::load(&into, dump, header, &new.name)?,
        _ => load(&into, server.psql(&new.name), dump, |script| {
            read_whole(dump, into.stop, script).map(drop)
        })?,
    }
    into.execute(&settings.apply(&new.name), into.stop)
        .context("cannot give the new database its settings")?;
    into.stop.check()?;
    let saved = if let Some(save) = save.filter(|_| exists) {
        Some(swap::replace(&into, &new, name, save)?)
    } else {
        swap::name_new(&into, &new, name)?;
        None
    };
    new.keep();
    analyze(&into, name);
    Ok(saved)
}

fn refuse_if_replicated(into: &Into<'_>, name: &str) -> Result<()> {
    let query = catalogue::replication(&literal(name));
    let found: Vec<String> = ask(into.server, &into.maintenance, &query, into.stop)?;
    ensure!(
        found.is_empty(),
        "the database {name} cannot be replaced while it has {}; drop {} first",
        found.join(", "),
        if found.len() == 1 { "it" } else { "them" }
    );
    Ok(())
}

/// Names at once all that the dump needs and the server lacks.
fn preflight(into: &Into<'_>, header: &Header, settings: &Settings) -> Result<()> {
    let target = &into.target;
    let mut lacking = Vec::new();
    let mut need =
        |kind: &str, names: &mut dyn Iterator<Item = &str>, has: &dyn Fn(&str) -> bool| {
            let mut missing: Vec<_> = names.filter(|name| !has(name)).collect();
            missing.sort_unstable();
            missing.dedup();
            if !missing.is_empty() {
                lacking.push(format!("{kind} {}", missing.join(", ")));
            }
        };
    need("the roles", &mut settings.all_roles(), &|name| {
        target.roles.contains(name)
    });
    need(
        "the extensions",
        &mut settings.extensions.iter().map(String::as_str),
        &|name| target.extensions.contains(name),
    );
    let spaces = settings.tablespaces.iter().chain([&settings.tablespace]);
    need(
        "the tablespaces",
        &mut spaces.map(String::as_str),
        &|name| target.tablespaces.contains(name),
    );
    need(
        "the collations",
        &mut settings.collations.iter().map(String::as_str),
        &|name| target.collations.contains(name),
    );
    let major = into.facts.major;
    match settings.locale_provider.as_deref() {
        Some("i") if major < 15 => lacking.push("ICU as a database's locale provider (15)".into()),
        Some("b") if major < 17 => lacking.push("the builtin locale provider (17)".into()),
        _ => {}
    }
    if header.format == Format::Pgdump {
        lacking.extend(parallel::lacking(header, into.stop)?);
    }
    if !lacking.is_empty() {
        return Err(Missing {
            server: into.server.url().to_string(),
            needs: lacking,
        }
        .into());
    }
    let dumped: u32 = header
        .engine_version
        .split('.')
        .next()
        .unwrap_or("")
        .parse()
        .unwrap_or(0);
    if dumped > major {
        log::warn!(
            "the dump is of PostgreSQL {}, newer than this server ({}); what it does not know will fail",
            header.engine_version,
            into.facts.version
        );
    }
    Ok(())
}

/// Feeds what `feed` writes, SQL of the file `dump`, to `psql`, which then runs nothing but SQL.
///
/// # Errors
/// In the server's words, when a statement fails.
pub(super) fn load(
    into: &Into<'_>,
    mut psql: Command,
    dump: &File,
    feed: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    let restricting = Restricting::of_psql(into)?;
    ensure!(
        restricting != Restricting::Unknown || is_ours(dump)?,
        "the dump is another user's, and this machine's psql cannot be kept from running commands in it; install a psql that knows \\restrict (17.6, 16.10, 15.14, 14.19, 13.22 or newer)"
    );
    psql.args(["--file=-", "--output=/dev/null"]);
    psql.env_remove("PGCLIENTENCODING");
    let child = Child::write_to(&mut psql, "psql", into.stop)?;
    let mut script = Script::new(child, &into.target.parameters, restricting)?;
    let fed = feed(&mut script).and_then(|()| script.flush());
    finish(script.into_inner(), fed, into.stop).context("the dump cannot be loaded")
}

/// Whether nobody but this user and root can have written a file.
fn is_ours(file: &File) -> io::Result<bool> {
    let meta = file.metadata()?;
    let owners = [0, rustix::process::geteuid().as_raw()];
    Ok(owners.contains(&meta.uid()) && meta.mode() & 0o022 == 0)
}

fn analyze(into: &Into<'_>, name: &str) {
    let analyze = ["ANALYZE".to_owned()];
    if let Err(error) = into.server.execute(name, &analyze, into.stop) {
        log::warn!("{name} was restored, but ANALYZE failed: {error:#}");
    }
}
