//! The engine for commands: dumps the output of any program that prints a dump and exits with
//! status 0.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process;

use anyhow::{Context, Result, bail, ensure};

use crate::child::Child;
use crate::engine::access::Access;
use crate::engine::dumper::{Dumper, ScratchFile};
use crate::engine::feed::pass_on;
use crate::engine::load::{LoadOptions, LoadResult};
use crate::engine::source::{Loader, NoSuchSource, Source};
use crate::header::{Facts, Header};
use crate::identity::{Engine, Identity};
use crate::name::Format;
use crate::stop::Stop;

/// A program and its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The name of its dumps.
    pub name: String,
    /// The program, followed by its arguments.
    pub words: Vec<OsString>,
}

impl Program {
    /// Returns the program without its arguments, which may hold secrets.
    #[must_use]
    pub fn describe(&self) -> String {
        let program = self.words.first().map(OsString::as_os_str);
        program.unwrap_or_default().to_string_lossy().into_owned()
    }
}

impl Source for Program {
    fn engine(&self) -> Engine {
        Engine::Command
    }

    fn kind(&self) -> &'static str {
        "a program"
    }

    fn database(&self) -> Vec<u8> {
        self.name.clone().into_bytes()
    }

    fn open(&self, access: &Access) -> Result<Box<dyn Dumper>> {
        Ok(Box::new(ProgramDumper::new(self, access.deadline)))
    }
}

impl Loader for Program {
    fn load(&self, _: &File, _: &Header, _: LoadOptions<'_>, _: &Access) -> Result<LoadResult> {
        bail!(
            "dump-database does not restore the output of a program; decompress the dump and load it with that program"
        )
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe())
    }
}

/// The dumper of a program's output.
#[allow(missing_debug_implementations)]
pub struct ProgramDumper {
    program: Program,
    identity: Identity,
    child: Option<Child>,
    stop: Stop,
}

impl ProgramDumper {
    /// Returns the dumper. [`Dumper::take_snapshot`] starts the program.
    #[must_use]
    pub fn new(program: &Program, stop: Stop) -> Self {
        ProgramDumper {
            identity: Identity {
                engine: Engine::Command,
                location: program.describe(),
                database: None,
            },
            program: program.clone(),
            child: None,
            stop,
        }
    }
}

/// Returns true if a program with this name is found as a shell finds it.
fn exists(program: &OsStr) -> bool {
    let path = Path::new(program);
    if path.components().count() > 1 || path.is_absolute() {
        return path.exists();
    }
    let places = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&places).any(|place| place.join(program).exists())
}

impl Dumper for ProgramDumper {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn file_name(&self) -> Vec<u8> {
        let extension = self.format().extension();
        format!("{}.{extension}", self.program.name).into_bytes()
    }

    fn database(&self) -> Vec<u8> {
        self.program.name.clone().into_bytes()
    }

    fn format(&self) -> Format {
        Format::Other
    }

    fn engine_version(&self) -> String {
        String::new()
    }

    fn scratch_bytes(&self) -> u64 {
        0
    }

    fn take_snapshot(&mut self, _scratch: Option<ScratchFile<'_>>) -> Result<()> {
        let (program, arguments) = self.program.words.split_first().context("no program")?;
        let mut command = process::Command::new(program);
        command.args(arguments);
        let name = Path::new(program).file_name().unwrap_or(program);
        let name = name.to_string_lossy();
        let started = Child::read_from(&mut command, &name, self.stop);
        self.child = Some(started.map_err(|error| {
            if exists(program) {
                error
            } else {
                NoSuchSource(format!("{error:#}")).into()
            }
        })?);
        Ok(())
    }

    fn stream(&mut self, out: &mut dyn Write) -> Result<()> {
        let mut child = self.child.take().context("the program was not started")?;
        let passed = pass_on(&mut child, out)?;
        child.finish()?;
        ensure!(
            passed > 0,
            "{} printed nothing, so there is no dump",
            self.program.describe()
        );
        Ok(())
    }

    fn check(&mut self, _thorough: bool) -> Result<Facts> {
        Ok(Facts::default())
    }
}
