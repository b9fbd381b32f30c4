//! The man pages, generated from the same types as `--help`.

use std::io::{self, Write};

use clap::Command;
use clap_mangen::Man;

const ENVIRONMENT: &str = "\
.SH ENVIRONMENT
Every flag has an environment variable, which its description names: \\fBDUMP_DATABASE_KEEP\\fR is that \
of \\fB\\-\\-keep\\fR. A flag on the command line wins over its variable. The variable of a flag that \
takes no value is \\fBtrue\\fR or \\fBfalse\\fR.
.TP
\\fBSTATE_DIRECTORY\\fR
The dump directory, if the command line names none. systemd sets it in a unit with \\fBStateDirectory=\\fR.
.TP
\\fBTMPDIR\\fR
Without \\fB\\-\\-scratch\\fR, \\fBdrill\\fR makes its throwaway databases here. Commands that download a \
copy put it here.";

const EXIT_STATUS: &str = "\
.SH \"EXIT STATUS\"
.TP
0
Everything succeeded.
.TP
1
Something failed; the last lines say what and why.
.TP
2
The command line is wrong.
.TP
75
Another run holds the dump directory.";

/// Writes the man page `dump-database(1)`, with the options of every subcommand, as roff. `examples` is a
/// heading and the lines below it.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_page(mut command: Command, examples: &str, out: &mut dyn Write) -> io::Result<()> {
    command.build();
    // The further lines of the version would end the macro of the title. Unless it is escaped, a
    // hyphen becomes U+2010, which users can neither search for nor paste into a shell.
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
        render_demoted(out, |section| man.render_synopsis_section(section))?;
        render_demoted(out, |section| man.render_description_section(section))?;
        render_demoted(out, |section| man.render_options_section(section))?;
    }
    writeln!(out, "{ENVIRONMENT}\n{EXIT_STATUS}")?;
    let (_, examples) = examples.split_once('\n').unwrap_or_default();
    let examples = examples.replace('-', "\\-");
    writeln!(out, ".SH EXAMPLES\n.nf\n{examples}\n.fi")?;
    man.render_version_section(out)
}

/// Writes the man page `dump-database-COMMAND(1)` of one command as roff. Returns false, and writes
/// nothing, if there is no such command.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_page_of(mut program: Command, name: &str, out: &mut dyn Write) -> io::Result<bool> {
    program.build();
    let Some(command) = program.find_subcommand(name) else {
        return Ok(false);
    };
    let title = format!("dump-database-{name}").replace('-', "\\-");
    let source = concat!("dump\\-database ", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone()).title(title).source(source);
    man.render_title(out)?;
    man.render_name_section(out)?;
    man.render_synopsis_section(out)?;
    man.render_description_section(out)?;
    man.render_options_section(out)?;
    writeln!(out, "{EXIT_STATUS}")?;
    writeln!(out, ".SH \"SEE ALSO\"\n\\fBdump\\-database\\fR(1)")?;
    Ok(true)
}

/// Writes what `render` renders one level down: its sections become subsections.
fn render_demoted(
    out: &mut dyn Write,
    render: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut section = Vec::new();
    render(&mut section)?;
    let section = String::from_utf8_lossy(&section).replace("\n.SH ", "\n.SS ");
    out.write_all(section.as_bytes())
}
