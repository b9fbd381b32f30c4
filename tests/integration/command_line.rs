//! Flags, the environment variables that set them, and the files generated from them.

pub(crate) mod bad_input;
mod hostile_text;
pub(crate) mod logging;
mod output;
mod usage;

use std::io::Write;
use std::process::Stdio;

use clap::{Arg, ArgAction, Command, CommandFactory};

use crate::support::{Env, Run, database, inventory};

fn program() -> Command {
    let mut program = dump_database::cli::Cli::command();
    program.build();
    program
}

/// Returns every flag of every subcommand, except `--help` and `--version`.
fn flags(program: &Command) -> Vec<(&str, &Arg)> {
    let commands = program
        .get_subcommands()
        .filter(|command| command.get_name() != "help");
    let all =
        commands.flat_map(|command| command.get_arguments().map(|arg| (command.get_name(), arg)));
    all.filter(|(_, arg)| {
        let asks = matches!(
            arg.get_action(),
            ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong | ArgAction::Version
        );
        arg.get_long().is_some() && !asks
    })
    .collect()
}

#[test]
fn every_flag_has_help_and_a_variable_named_after_it() {
    let program = program();
    let flags = flags(&program);
    assert!(flags.len() > 30, "{}", flags.len());
    for (command, flag) in flags {
        let long = flag.get_long().unwrap();
        let variable = format!("DUMP_DATABASE_{}", long.to_uppercase().replace('-', "_"));
        let env = flag.get_env().map(|env| env.to_string_lossy().into_owned());
        assert_eq!(env, Some(variable), "{command} --{long}");
        assert!(flag.get_help().is_some(), "{command} --{long}");
    }
}

#[test]
fn a_variable_does_what_its_flag_does() {
    let env = Env::with_database();
    for _ in 0..3 {
        env.dump("db.sqlite");
    }
    let with = |args: &str, variable: &str, value: &str| {
        Run::finish(
            env.program(args)
                .env(format!("DUMP_DATABASE_{variable}"), value),
        )
    };
    let run = with("rotate", "DRY_RUN", "true").succeeds();
    assert_eq!(env.names().len(), 3, "{run:?}");
    with("list", "JSON", "1")
        .succeeds()
        .stdout
        .starts_with('[')
        .then_some(())
        .unwrap();
    assert!(!with("list", "JSON", "0").succeeds().stdout.starts_with('['));
    with("rotate", "KEEP", "2").succeeds();
    assert_eq!(env.names().len(), 2);
    with("rotate --keep 1", "KEEP", "9").succeeds();
    assert_eq!(env.names().len(), 1);
    with("dump db.sqlite", "COMPRESS", "zstd:1").succeeds();
    assert!(env.names().iter().any(|name| name.contains(".sqlite.zst")));
    with("dump db.sqlite", "NAME", "other").succeeds();
    assert!(env.names().iter().any(|name| name.starts_with("other-")));
    let run = with("dump db.sqlite", "LOG", "off").succeeds();
    assert_eq!(run.stderr, "");
}

#[test]
fn a_variable_of_no_meaning_is_a_usage_error_in_one_sentence() {
    let env = Env::with_database();
    for (variable, value) in [
        ("KEEP", "none"),
        ("KEEP", ""),
        ("KEEP_DAILY", "-1"),
        ("KEEP_BEFORE_SHRINK", "forever"),
        ("COMPRESS", "rar"),
        ("THREADS", "0"),
        ("TIMEOUT", "soon"),
        ("BUSY_TIMEOUT", "1"),
        ("LOG", "loud"),
        ("ADOPT", "perhaps"),
    ] {
        let flag = format!("--{}", variable.to_lowercase().replace('_', "-"));
        let mut command = env.program("dump db.sqlite");
        command.env(format!("DUMP_DATABASE_{variable}"), value);
        let run = Run::finish(&mut command).fails(2, &flag);
        assert_eq!(run.stderr.lines().count(), 1, "{run:?}");
        assert_eq!(run.stdout, "");
        assert!(!env.dumps().exists(), "{run:?}");
    }
}

#[test]
fn the_version_says_how_it_was_built() {
    let env = Env::new();
    let run = env.run("--version").succeeds();
    assert!(run.stdout.starts_with("dump-database 0."), "{run:?}");
    assert!(
        run.stdout
            .contains("with sqlite_dbpage: snapshots are streamed"),
        "{run:?}"
    );
    assert!(run.stdout.contains("gzip by "), "{run:?}");
    assert!(run.stdout.ends_with('\n'), "{run:?}");
    assert!(dump_database::engine::sqlite::has_dbpage());
}

#[test]
fn help_is_on_stdout() {
    let env = Env::new();
    for args in ["--help", "-h", "help", "dump --help", "help restore"] {
        let run = env.run(args).succeeds();
        assert!(
            run.stdout.contains("Usage:") && run.stderr.is_empty(),
            "{run:?}"
        );
    }
    let long = env.run("dump --help").succeeds().stdout;
    let long = long.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(long.contains("[env: DUMP_DATABASE_KEEP=]"), "{long}");
}

/// Returns the commands of the lines that begin with the program's name, indented; without the
/// name.
fn examples(text: &str) -> Vec<String> {
    let lines = text.lines();
    let examples = lines.filter_map(|line| line.strip_prefix("  dump-database "));
    let command = |line: &str| line.split("  ").next().unwrap().trim().to_owned();
    examples.map(command).collect()
}

#[test]
#[ignore = "needs sqlite3"]
fn no_command_prints_a_short_help_whose_examples_work() {
    let env = Env::new();
    database::make_small(&env.path("shop.db"));
    let before = inventory(env.root());
    let run = env.run("").fails(2, "error: expected a command");
    assert_eq!(run.stdout, "");
    assert_eq!(inventory(env.root()), before);
    assert!(run.stderr.lines().count() < 10, "{run:?}");
    assert!(run.stderr.contains("dump-database --help"), "{run:?}");
    let short = examples(&run.stderr);
    assert_eq!(short.len(), 3, "{run:?}");
    assert_eq!(examples(&env.run("--help").succeeds().stdout), short);
    assert_eq!(env.run("--log error").fails(2, "Examples:").stdout, "");
    for example in &short {
        if example.contains("postgresql:") {
            let words = ["dump-database"].into_iter().chain(example.split(' '));
            program().try_get_matches_from(words).unwrap();
        } else {
            env.run(example).succeeds();
        }
    }
    assert_eq!(
        database::contents(&env.path("shop2.db")),
        database::contents(&env.path("shop.db"))
    );
}

#[test]
fn the_help_of_restore_says_which_flags_concern_the_replaced_database() {
    let env = Env::new();
    let help = env.run("restore --help").succeeds().stdout;
    let heading = "The dump of the database that is replaced:";
    let (flags, replaced) = help.split_once(heading).unwrap();
    for flag in ["--to <", "--compress <", "--format <", "--full-check <"] {
        assert!(
            replaced.contains(flag) && !flags.contains(flag),
            "{flag}: {help}"
        );
    }
    for flag in ["--name <", "--timeout <", "--busy-timeout <", "--threads <"] {
        assert!(flags.contains(flag), "{flag}: {help}");
    }
    let dump = env.run("dump --help").succeeds().stdout;
    assert!(!dump.contains(heading), "{dump}");
}

#[test]
#[ignore = "needs fish and zsh"]
fn completions_are_read_by_their_shells() {
    let env = Env::new();
    for (shell, check) in [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")] {
        let script = env.run(&format!("completions {shell}")).succeeds().stdout;
        let flags = ["keep-before-shrink", "busy-timeout", "dry-run"];
        assert!(flags.iter().all(|flag| script.contains(flag)), "{shell}");
        let path = env.path(format!("script.{shell}"));
        std::fs::write(&path, script).unwrap();
        let run = Run::finish(env.command(shell).arg(check).arg(&path)).succeeds();
        assert_eq!(run.stderr, "", "{shell}");
    }
    let complete = "source script.bash
        function=$(complete -p dump-database | sed 's/.* -F \\([^ ]*\\).*/\\1/')
        COMP_WORDS=(dump-database dump --keep-d) COMP_CWORD=2
        $function dump-database --keep-d dump
        echo \"${COMPREPLY[*]}\"";
    let run = Run::finish(env.command("bash").args(["-c", complete])).succeeds();
    assert_eq!(run.stdout, "--keep-daily\n", "{run:?}");
    env.run("completions tcsh").fails(2, "tcsh");
}

#[test]
fn every_command_has_a_man_page() {
    use clap::CommandFactory;
    let env = Env::new();
    for command in dump_database::cli::Cli::command().get_subcommands() {
        let name = command.get_name();
        let roff = env.run(&format!("man {name}")).succeeds().stdout;
        let hyphens = roff.matches('-').count();
        assert_eq!(hyphens, roff.matches("\\-").count(), "{roff}");
        for part in [
            "EXIT STATUS",
            "\\-\\-help",
            &format!("dump\\-database\\-{name}"),
        ] {
            assert!(roff.contains(part), "no {part} in {roff}");
        }
    }
    env.run("man nothing")
        .fails(2, "there is no command nothing");
}

#[test]
#[ignore = "needs man"]
fn the_man_page_renders_and_has_every_flag() {
    let env = Env::new();
    let roff = env.run("man").succeeds().stdout;
    // groff prints a hyphen that is not escaped as U+2010, unless a distribution changed that.
    let hyphens = roff.matches('-').count();
    assert_eq!(hyphens, roff.matches("\\-").count(), "{roff}");
    let mut man = env.command("man");
    man.args(["--warnings", "--local-file", "-"])
        .env("MANWIDTH", "100")
        .env("MAN_KEEP_FORMATTING", "");
    let mut child = man
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("man is installed");
    child
        .stdin
        .take()
        .unwrap()
        .write_all(roff.as_bytes())
        .unwrap();
    let page = Run::end_of(child).succeeds();
    assert_eq!(page.stderr, "");
    for (command, flag) in flags(&program()) {
        let long = format!("--{}", flag.get_long().unwrap());
        assert!(page.stdout.contains(&long), "{command} {long}");
        let variable = flag.get_env().unwrap().to_str().unwrap();
        assert!(page.stdout.contains(variable), "{command} {variable}");
    }
    let (_, examples_of_page) = page.stdout.split_once("EXAMPLES\n").unwrap();
    let short = examples(&env.run("").stderr);
    for example in &short {
        assert!(examples_of_page.contains(example), "{example}");
    }
    for heading in [
        "NAME",
        "SYNOPSIS",
        "DUMP",
        "RESTORE",
        "ENVIRONMENT",
        "EXIT STATUS",
        "EXAMPLES",
        "VERSION",
    ] {
        assert!(
            page.stdout.lines().any(|line| line == heading),
            "{heading}: {}",
            page.stdout
        );
    }
    let title = page.stdout.lines().next().unwrap();
    assert!(
        title.starts_with("dump-database(1)") && title.ends_with("dump-database(1)"),
        "{title}"
    );
}
