//! README and the pages of `docs/`: links lead to existing targets, commands parse, and the
//! commands for SQLite do what the pages say.

pub(crate) mod machine;
pub(crate) mod page;

use std::collections::BTreeSet;
use std::fs;

use clap::CommandFactory;
use clap::error::ErrorKind;

use crate::support::names;
use machine::{DUMPS, Machine};
use page::{anchor, arguments, code, pages, read, root, spans};

/// Parses the arguments. Arguments in a sentence may be incomplete, because a sentence may name a
/// command alone.
#[track_caller]
fn parses(page: &str, arguments: &[String], is_sentence: bool) {
    let program = ["dump-database".to_owned()];
    let words = program.iter().chain(arguments);
    let Err(error) = dump_database::cli::Cli::command().try_get_matches_from(words) else {
        return;
    };
    let passes = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => true,
        ErrorKind::MissingRequiredArgument => is_sentence,
        _ => false,
    };
    let arguments = arguments.join(" ");
    assert!(passes, "{page}: dump-database {arguments}: {error}");
}

#[test]
#[cfg_attr(
    not(feature = "copies"),
    ignore = "the pages describe the program with copies"
)]
fn every_command_of_the_pages_parses() {
    let mut number = 0;
    for page in pages() {
        let text = read(&page);
        for arguments in code(&text).iter().filter_map(|line| arguments(line)) {
            parses(&page, &arguments, false);
            number += 1;
        }
        for span in spans(&text) {
            // `dump-database COMMAND` and `dump-database.timer` are not commands.
            let is_command = |rest: &str| rest.starts_with(|c: char| !c.is_ascii_uppercase());
            if span.strip_prefix("dump-database ").is_some_and(is_command)
                && let Some(arguments) = arguments(&span)
            {
                parses(&page, &arguments, true);
                number += 1;
            }
        }
    }
    assert!(number > 40, "{number} commands were found");
}

#[test]
#[cfg_attr(
    not(feature = "copies"),
    ignore = "the pages describe the program with copies"
)]
fn every_flag_of_the_pages_exists() {
    let mut program = dump_database::cli::Cli::command();
    program.build();
    let commands: Vec<_> = program.get_subcommands().collect();
    let mut flags: BTreeSet<_> = commands
        .iter()
        .flat_map(|command| command.get_arguments())
        .filter_map(clap::Arg::get_long)
        .collect();
    // The flags of cargo, of the MySQL client, and of the scripts in `tests/`.
    flags.extend([
        "all",
        "binary-mode",
        "dev",
        "features",
        "help",
        "include-ignored",
        "no-default-features",
        "seed",
        "skip",
        "version",
    ]);
    for page in pages() {
        for span in spans(&read(&page)) {
            let first = span.split(' ').next().unwrap_or_default();
            let is_command = commands.iter().any(|command| command.get_name() == first);
            if !is_command && !first.starts_with("--") && first != "dump-database" {
                continue;
            }
            for word in span.split(' ').filter_map(|word| word.strip_prefix("--")) {
                let flag = word.split('=').next().unwrap();
                assert!(flag.is_empty() || flags.contains(flag), "{page}: --{flag}");
            }
        }
    }
}

#[test]
fn every_link_of_the_pages_leads_somewhere() {
    for page in pages() {
        let text = read(&page);
        for link in text.split("](").skip(1) {
            let link = link.split(')').next().unwrap();
            if link.starts_with("http") {
                continue;
            }
            let (path, part) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => root().join(&page),
                path => root().join(&page).parent().unwrap().join(path),
            };
            assert!(target.exists(), "{page}: {link}");
            let headings = fs::read_to_string(&target).unwrap_or_default();
            let mut headings = headings.lines().filter(|line| line.starts_with('#'));
            assert!(
                part.is_empty() || headings.any(|heading| anchor(heading) == part),
                "{page}: {link}"
            );
        }
    }
}

#[test]
fn every_file_that_the_pages_name_exists() {
    let mut number = 0;
    for page in pages().into_iter().filter(|page| page != "CHANGELOG.md") {
        for span in spans(&read(&page)) {
            let tops = ["src/", "tests/", "nix/", "docs/", "examples/", "benches/"];
            let is_pattern = span.contains(['*', ' ']) || span.contains("NAME");
            if tops.iter().any(|top| span.starts_with(top)) && !is_pattern {
                assert!(root().join(&span).exists(), "{page}: {span}");
                number += 1;
            }
        }
    }
    assert!(number > 40, "{number} files were found");
}

/// Returns the names of the tests in a file.
fn tests_of(text: &str) -> Vec<&str> {
    let tests = text.split("#[test]\n").skip(1);
    let names = tests.filter_map(|test| test.split("fn ").nth(1)?.split('(').next());
    names.collect()
}

#[test]
fn the_page_on_security_has_a_row_for_each_attack_and_names_no_other() {
    let page = read("docs/security.md");
    let mut attacks = BTreeSet::new();
    for file in names(&root().join("tests/attacks")) {
        let module = file.trim_end_matches(".rs");
        for test in tests_of(&read(&format!("tests/attacks/{file}"))) {
            let attack = format!("{module}::{test}");
            assert!(page.contains(&format!("`{attack}`")), "{attack}");
            attacks.insert(attack);
        }
    }
    assert!(attacks.len() > 30, "{}", attacks.len());
    let modules: BTreeSet<_> = attacks.iter().map(|name| name.split("::").next()).collect();
    for span in spans(&page).iter().filter(|span| span.contains("::")) {
        let is_attack = modules.contains(&span.split("::").next());
        assert!(!is_attack || attacks.contains(span), "{span}");
    }
}

#[test]
fn the_readme_is_short_and_leads_to_every_page() {
    let readme = read("README.md");
    assert!(readme.lines().count() <= 200);
    assert!(code(&readme).contains(&"tests/all".to_owned()));
    for page in pages().iter().skip(1) {
        assert!(readme.contains(&format!("]({page})")), "{page}");
    }
}

/// Makes a machine with the database `shop`, which was changed after it was dumped. Returns the
/// machine, and the contents of the database before and after that change.
fn shop() -> (Machine, String, String) {
    let machine = Machine::new();
    let database = "/var/lib/shop/shop.db";
    machine.create(database, "dumped");
    machine.dump(database, DUMPS);
    let dumped = machine.contents(database);
    machine.insert(database, "changed");
    let changed = machine.contents(database);
    assert_ne!(dumped, changed);
    (machine, dumped, changed)
}

#[test]
#[ignore = "needs sqlite3"]
fn the_readme_restores_a_database() {
    let (machine, dumped, _) = shop();
    machine.run("README.md");
    assert_eq!(machine.contents("/tmp/shop.db"), dumped);
    assert_eq!(machine.contents("/var/lib/shop/shop.db"), dumped);
}

#[test]
#[ignore = "needs sqlite3"]
fn the_page_on_restoring_restores_a_database_and_undoes_it() {
    let (machine, dumped, changed) = shop();
    machine.run("docs/restoring.md");
    assert_eq!(machine.contents("/tmp/shop.db"), dumped);
    // The database was replaced, and then put back from the dump that the restore saved.
    assert_eq!(machine.contents("/var/lib/shop/shop.db"), changed);
    // This one was restored without the program.
    assert_eq!(machine.contents("/shop.db"), dumped);
}

#[test]
#[ignore = "needs sqlite3"]
fn the_page_on_retention_takes_a_database_over_and_forgets_another() {
    let (machine, _, _) = shop();
    let directory = "/var/backups/shop";
    machine.create("/shop.db", "first");
    machine.create("/srv/shop/shop.db", "moved");
    machine.create("/blog.db", "dropped");
    machine.dump("/blog.db", directory);
    machine.run("docs/retention.md");
    let mut dumps = names(&machine.path(directory));
    dumps.retain(|name| !name.starts_with('.'));
    assert_eq!(dumps.len(), 2, "{dumps:?}");
    assert!(
        dumps.iter().all(|name| name.starts_with("shop-")),
        "{dumps:?}"
    );
    let status = machine.program("status", directory);
    assert!(!status.stdout.contains("blog"), "{status:?}");
}

#[test]
fn the_pages_on_sources_and_monitoring_dump_databases_that_are_fresh() {
    let machine = Machine::new();
    machine.create("/var/lib/a/a.db", "a");
    machine.create("/var/lib/b/b.db", "b");
    machine.run("docs/sources.md");
    machine.run("docs/monitoring.md");
    let verified = machine.program("verify", "/var/backups/all");
    assert_eq!(verified.stdout.lines().count(), 2, "{verified:?}");
}

#[test]
#[ignore = "needs sqlite3"]
fn the_page_on_nixos_restores_the_database_of_a_dynamic_user() {
    let machine = Machine::new();
    let database = "/var/lib/private/ntfy-sh/user.db";
    machine.create(database, "dumped");
    machine.dump(database, "/var/lib/private/dump-database/ntfy-sh-auth");
    let dumped = machine.contents(database);
    machine.insert(database, "changed");
    machine.run("docs/nixos.md");
    assert_eq!(machine.contents(database), dumped);
    assert_ne!(machine.contents("/root/before/user.db"), dumped);
}
