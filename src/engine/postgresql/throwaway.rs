//! A throwaway PostgreSQL cluster that is reachable only through a Unix socket.

use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result};
use rustix::process::Signal;

use super::missing;
use super::prepare;
use super::programs::read_version;
use super::server::Server;
use super::source::PostgresqlSource;
use crate::child::output::read_output;
use crate::engine::access::Part;
use crate::engine::source::Source;
use crate::engine::throwaway::process::{ServerProcess, list_path_directories};
use crate::engine::throwaway::{RestoredContent, Throwaway, ThrowawayResources};
use crate::header::Header;
use crate::stop::Stop;
use crate::url::{Url, encode};

/// The directories in which distributions install servers of several versions.
const INSTALLED: [&str; 2] = ["/usr/lib/postgresql", "/usr"];
/// The directories of libraries, relative to the parent of the programs' directory.
const LIBRARIES: [&str; 3] = ["lib", "lib/postgresql", "lib64"];
/// The database that is queried until the server accepts connections.
const GLOBALS: &str = "postgres";
/// The server's settings. Its data need not survive a crash, and nothing in the dump may start by
/// itself or connect to other machines.
const SETTINGS: [&str; 15] = [
    "listen_addresses=",
    "port=5432",
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "autovacuum=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "max_wal_size=4GB",
    "max_logical_replication_workers=0",
    "dynamic_library_path=$libdir",
    "cron.launch_active_jobs=off",
    "cron.max_running_jobs=0",
    "allow_in_place_tablespaces=on",
    "jit=off",
];

/// A running throwaway server.
pub(super) struct ThrowawayCluster {
    version: String,
    server: Server,
    url: Url,
    stop: Stop,
    _process: ServerProcess,
}

impl ThrowawayCluster {
    pub(super) fn start(
        workshop: &ThrowawayResources<'_>,
        header: &Header,
        stop: Stop,
    ) -> Result<Self> {
        let (version, programs) = find_programs(header, stop)?;
        let place = workshop.work.join("pg");
        fs::create_dir(&place)?;
        let (data, password) = (place.join("data"), place.join("password"));
        fs::write(&password, workshop.password.expose().as_bytes())?;
        let mut initdb = Command::new(programs.join("initdb"));
        initdb.args(["--no-sync", "--auth=scram-sha-256", "--username=postgres"]);
        initdb.arg("--pwfile").arg(&password);
        initdb.args(["--encoding=UTF8", "--locale=C", "--pgdata"]);
        initdb.arg(&data).current_dir(&place);
        read_output(&mut initdb, "initdb", stop)
            .context("cannot make a PostgreSQL cluster to restore into")?;

        let socket = encode(&workshop.sockets.to_string_lossy());
        let url = Url::parse(&format!("postgresql://postgres@/?host={socket}"))
            .map_err(anyhow::Error::msg)?
            .isolate();
        let server = Server::new(&url, Some(&workshop.password));
        let start = |preloaded: &str| -> Result<ServerProcess> {
            let mut postgres = Command::new(programs.join("postgres"));
            postgres
                .arg("-D")
                .arg(&data)
                .arg("-k")
                .arg(&workshop.sockets);
            for setting in SETTINGS {
                postgres.args(["-c", setting]);
            }
            let cron = header.identity.database.as_deref().map(name_target);
            let more = [
                format!("shared_preload_libraries={preloaded}"),
                // pg_cron exists only in this database.
                format!("cron.database_name={}", cron.unwrap_or_default()),
            ];
            for setting in more {
                postgres.arg("-c").arg(setting);
            }
            postgres.current_dir(&place);
            let mut process =
                ServerProcess::start(&mut postgres, "postgres", Signal::INT, workshop, stop)?;
            let ask = || server.execute(GLOBALS, &["SELECT".to_owned()], stop);
            let denied = "FATAL:  password authentication failed";
            let is_final = |error: &anyhow::Error| format!("{error:#}").contains(denied);
            process.wait_until(ask, is_final, stop)?;
            Ok(process)
        };
        let preloaded = list_preloaded(header, &programs);
        let process = match start(&preloaded) {
            Err(error) if !preloaded.is_empty() && stop.reason().is_none() => {
                log::warn!(
                    "the throwaway server does not start with the libraries that the source preloads ({preloaded}): {error:#}"
                );
                start("")?
            }
            started => started?,
        };
        Ok(ThrowawayCluster {
            version,
            server,
            url,
            stop,
            _process: process,
        })
    }
}

impl Throwaway for ThrowawayCluster {
    fn prepare(&mut self, header: &Header, dump: &File) -> Result<Arc<dyn Source>> {
        prepare::prepare(&self.server, header, dump, self.stop)
            .context("cannot prepare the throwaway server")?;
        let Some(database) = &header.identity.database else {
            return Ok(Arc::new(PostgresqlSource::new(&self.url, Part::Whole)));
        };
        // The cluster has a maintenance database already, so the restored database gets another
        // name.
        let part = Part::Database(name_target(database));
        Ok(Arc::new(PostgresqlSource::new(&self.url, part)))
    }

    fn find_missing(&self, _header: &Header, error: &anyhow::Error) -> Option<&'static str> {
        missing::find_missing(&format!("{error:#}"))
    }

    fn read_contents(&self, header: &Header) -> Result<Option<RestoredContent>> {
        let Some(database) = &header.identity.database else {
            return Ok(None);
        };
        let database = name_target(database);
        let found = prepare::read_restored(&self.server, &database, header, self.stop)?;
        let lost = found.lost_extensions.iter();
        let problems = lost.map(|extension| format!("the extension {extension} is missing"));
        Ok(Some(RestoredContent {
            problems: problems.collect(),
            rows: found.rows,
            version: Some(self.version.clone()),
        }))
    }
}

/// Returns the name of the database that the dump of `database` is restored into.
fn name_target(database: &str) -> String {
    format!("{database}.drill")
}

/// Returns the list of the libraries that the source preloaded and that are installed beside these
/// programs.
fn list_preloaded(header: &Header, programs: &Path) -> String {
    let listed = header.facts.settings.get("preloaded");
    let listed = listed.and_then(|list| list.as_str()).unwrap_or_default();
    // PATH may contain only links to the programs.
    let real = programs.join("postgres").canonicalize().unwrap_or_default();
    let directories = [Some(programs), real.parent()];
    let above: Vec<_> = directories
        .into_iter()
        .flatten()
        .filter_map(Path::parent)
        .collect();
    let is_name = |name: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        !name.is_empty() && name.bytes().all(plain)
    };
    let is_installed = |name: &str| {
        let file = format!("{name}.so");
        let within = |above: &Path| {
            LIBRARIES
                .iter()
                .any(|lib| above.join(lib).join(&file).is_file())
        };
        above.iter().any(|above| within(above))
    };
    let names = listed.split(',').map(|name| name.trim().trim_matches('"'));
    let names = names.map(|name| name.strip_prefix("$libdir/").unwrap_or(name));
    let (here, missing): (Vec<_>, Vec<_>) = names
        .filter(|name| is_name(name))
        .partition(|name| is_installed(name));
    if !missing.is_empty() {
        log::info!(
            "the source preloads libraries that are not installed here: {}",
            missing.join(", ")
        );
    }
    here.join(",")
}

/// Returns the version of the server's programs and their directory: the programs of the dump's
/// major version, or else of the next newer version.
fn find_programs(header: &Header, stop: Stop) -> Result<(String, PathBuf)> {
    let wanted = header.engine_version.split('.').next().unwrap_or_default();
    let wanted: u32 = wanted.parse().unwrap_or(0);
    let versioned = INSTALLED.iter().filter_map(|path| fs::read_dir(path).ok());
    let versioned = versioned
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"));
    let mut found = Vec::new();
    for place in list_path_directories().chain(versioned) {
        let postgres = place.join("postgres");
        if !postgres.is_file() || !place.join("initdb").is_file() {
            continue;
        }
        let (major, version) = read_version(&postgres.to_string_lossy(), stop)?;
        found.push((major, version, place));
    }
    // Of the programs of one version, those in PATH come first.
    found.sort_by_key(|(major, ..)| *major);
    let fitting = found.into_iter().find(|(major, ..)| *major >= wanted);
    let (_, version, place) = fitting.with_context(|| {
        format!(
            "the server programs of PostgreSQL {wanted} or newer (initdb, postgres) are needed; install them, or put them in PATH"
        )
    })?;
    Ok((version, place))
}
