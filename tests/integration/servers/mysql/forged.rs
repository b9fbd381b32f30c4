//! Forged dumps: a restore never tells the client to run a command on this machine, and runs no SQL
//! that is in the dump's header.

use std::fs;

use super::Server;
use crate::servers::drilled::{drill, with_text};
use crate::support::{Env, planted};

/// The words of a header that a server gets unquoted, or that a client reads otherwise than the
/// server, are names to both.
#[test]
#[ignore = "needs MariaDB"]
fn nothing_in_a_forged_header_is_run() {
    let env = Env::new();
    let server = Server::start();
    server.sql(
        "",
        "CREATE DATABASE app; CREATE TABLE app.t (v TEXT); CREATE DATABASE empty",
    );
    let dump = env.dump(&server.url("app"));
    let trace = env.path("pwned");
    let touch = format!("\\! touch {}\n", trace.display());
    let create = "; CREATE USER evil; GRANT ALL ON *.* TO evil";
    let forged_words = [
        ("charset", format!("utf8mb4 {touch}")),
        ("charset", format!("utf8mb4{create}; SELECT 1 ")),
        ("charset", format!("a\\`{touch}")),
        ("collation", format!("utf8mb4_bin {touch}")),
        ("collation", format!("utf8mb4_bin{create}")),
        ("comment", format!("a\\' {touch}")),
        ("comment", format!("a\\'{create}; SELECT '")),
    ];
    for (number, (key, word)) in forged_words.into_iter().enumerate() {
        let forged = planted::changed(&dump, |header| {
            header.time = planted::ago(60);
            header
                .facts
                .settings
                .insert(key.to_owned(), word.clone().into());
        });
        for target in ["new", "empty", "app"] {
            let args = match target {
                "new" => "--keep-going",
                "empty" => "--keep-going --into-empty",
                _ => "--keep-going --replace --to saved",
            };
            let (forged, url) = (forged.display(), server.url(target));
            env.run(&format!("restore {args} {forged} {url}"));
            assert!(!fs::exists(&trace).unwrap(), "{key} {word} {target}");
        }
        // A drill makes its database in the same way.
        if number == 0 {
            drill(&env, &forged.display().to_string());
            assert!(!fs::exists(&trace).unwrap(), "{key} {word} drill");
        }
        let evil = "SELECT COUNT(*) FROM mysql.user WHERE user = 'evil'";
        assert_eq!(server.sql("", evil), "0", "{key} {word}");
        server.sql(
            "",
            "DROP DATABASE IF EXISTS new; DROP DATABASE empty; CREATE DATABASE empty",
        );
        fs::remove_file(forged).unwrap();
    }
}

/// Grants of a forged dump run no command of the client.
#[test]
#[ignore = "needs MariaDB"]
fn nothing_in_a_forged_list_of_users_is_run() {
    let env = Env::new();
    let server = Server::start();
    server.sql(
        "",
        "CREATE DATABASE app; CREATE USER u; GRANT SELECT ON app.* TO u",
    );
    env.run(&format!("dump {}", server.url(""))).succeeds();
    let names = env.names();
    let globals = names.iter().find(|name| name.starts_with("@globals"));
    let dump = env.dumps().join(globals.unwrap());
    let trace = env.path("pwned");
    let touch = format!("\\! touch {}", trace.display());
    server.sql("", "DROP USER u");
    for line in [
        format!("GRANT SELECT ON app.* TO u {touch}"),
        format!("GRANT SELECT ON `app\\``{touch}\n`.* TO u"),
        format!("CREATE USER `a\\``{touch}\n`@`%`"),
    ] {
        let forged = with_text(&dump, |text| {
            text.replacen("\nGRANT", &format!("\n{line};\nGRANT"), 1)
        });
        env.run(&format!(
            "restore {} {}",
            env.dumps().display(),
            server.url("")
        ));
        env.run(&format!("restore {} {}", forged.display(), server.url("")));
        assert!(!fs::exists(&trace).unwrap(), "{line}");
        fs::remove_file(forged).unwrap();
    }
}

/// The owner of a database chooses its names, which the program asks the server about.
#[test]
#[ignore = "needs MariaDB"]
fn no_name_in_a_database_is_a_command() {
    let env = Env::new();
    let server = Server::start();
    let trace = env.path("pwned");
    let touch = format!("\\! touch {}", trace.display());
    server.sql("", "CREATE DATABASE app");
    let mut sql = String::new();
    for name in [
        touch.clone(),
        format!("a\\``{touch}"),
        format!("a\\` {touch}\n-"),
    ] {
        // A name has at most 64 characters.
        let name: String = name.replace(&*env.root().to_string_lossy(), ".");
        let name = name.replace("``", "`").replace('`', "``");
        sql += &format!("CREATE TABLE `{name}` (v FLOAT, `{name}` TEXT CHARACTER SET cp1251);\n");
    }
    server.script("app", &sql);
    env.dump(&server.url("app"));
    drill(&env, "").succeeds();
    assert!(!fs::exists(&trace).unwrap());
    assert!(!fs::exists(env.path("./pwned")).unwrap());
}
