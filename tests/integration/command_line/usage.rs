//! Command lines that make no sense: one clear sentence, the right exit status, and no file
//! changed.

use crate::command_line::bad_input::{dumped, refused, untouched};

#[test]
fn a_command_line_that_makes_no_sense() {
    let env = dumped();
    refused(&env, "", 2, "SOURCE");
    refused(&env, "--frob db.sqlite", 2, "--frob");
    refused(
        &env,
        "db.sqlite --timeout soon",
        2,
        "a duration such as 30s",
    );
    refused(&env, "db.sqlite --busy-timeout=-1s", 2, "--busy-timeout");
    refused(
        &env,
        "db.sqlite --keep-before-shrink 7",
        2,
        "a duration such as 30s",
    );
    refused(
        &env,
        "db.sqlite --compress gzip:10",
        2,
        "gzip's level is one of 0 to 9",
    );
    refused(
        &env,
        "db.sqlite --compress zstd:0",
        2,
        "zstd's level is one of 1 to 19",
    );
    refused(
        &env,
        "db.sqlite --compress lzma",
        2,
        "expected gzip, gzip:0-9, zstd or zstd:1-19",
    );
    refused(&env, "db.sqlite --keep 0", 2, "--keep");
    refused(&env, "db.sqlite --keep many", 2, "--keep");
    refused(&env, "db.sqlite --threads 0", 2, "--threads");
    refused(
        &env,
        "db.sqlite --log loud",
        2,
        "off, error, warn, info, debug or trace",
    );
    refused(
        &env,
        "ftp://host/db",
        2,
        "ftp:// is not a known kind of source",
    );
    refused(&env, "sqlite:", 2, "expected the path of an SQLite file");
    refused(&env, "db.sqlite db.sqlite", 2, "are both called db");
    refused(
        &env,
        "db.sqlite --name one x.sqlite",
        2,
        "--name names one source",
    );
    for (args, sentence) in [("frob", "frob"), ("man --x", "--x")] {
        untouched(&env, &mut env.program(args), 2, sentence);
    }
}

#[test]
fn a_directory_that_cannot_be_used() {
    let env = dumped();
    refused(
        &env,
        "db.sqlite --to no/such/parent",
        1,
        "its parent directory does not exist",
    );
    refused(&env, "db.sqlite --to db.sqlite", 1, "Not a directory");
    refused(&env, "db.sqlite --to db.sqlite/below", 1, "Not a directory");
    refused(&env, "db.sqlite --to /proc/nothing", 1, "/proc/nothing");
    let mut several = env.program("dump db.sqlite");
    several.env("STATE_DIRECTORY", "/var/lib/a:/var/lib/b");
    untouched(&env, &mut several, 2, "--to");
    for reading in [
        "list none",
        "verify none",
        "rotate none",
        "restore none target.sqlite",
    ] {
        untouched(&env, &mut env.program(reading), 1, "none");
    }
}
