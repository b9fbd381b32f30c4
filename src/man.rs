//! The man page, from the same types as `--help`.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_mangen::Man;

use crate::cli::Cli;

/// Writes `dump-database(1)`, with every subcommand's options, as roff.
///
/// # Errors
/// Any of `out`.
pub fn page(out: &mut dyn Write) -> io::Result<()> {
    let mut command = Cli::command();
    command.build();
    // The version's further lines would end the title's macro. A hyphen that is not escaped is set
    // as U+2010, which nobody can search for or paste into a shell.
    let source = concat!("dump\\-database ", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone())
        .title("dump\\-database")
        .source(source);
    man.render_title(out)?;
    man.render_name_section(out)?;
    man.render_synopsis_section(out)?;
    man.render_description_section(out)?;
    for subcommand in command.get_subcommands() {
        if subcommand.get_name() == "help" {
            continue;
        }
        writeln!(out, ".SH \"{}\"", subcommand.get_name().to_uppercase())?;
        let man = Man::new(subcommand.clone());
        demoted(out, |section| man.render_synopsis_section(section))?;
        demoted(out, |section| man.render_options_section(section))?;
    }
    writeln!(
        out,
        ".SH \"EXIT STATUS\"\n0 all was done, 1 something was not, 2 usage, 75 another run holds the directory."
    )?;
    man.render_version_section(out)
}

/// A section one level down.
fn demoted(
    out: &mut dyn Write,
    render: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut section = Vec::new();
    render(&mut section)?;
    let section = String::from_utf8_lossy(&section).replace("\n.SH ", "\n.SS ");
    out.write_all(section.as_bytes())
}
