//! Servers reached in all the ways that libpq knows.

use std::fs;

use super::Server;
use crate::servers::{assert_no_trace, certificate, free_port, give_to};
use crate::support::{Env, Run, set_mode};

/// Starts a server on a port of 127.0.0.1, where it accepts only TLS with a password, with the
/// database `app`.
fn tcp_server(env: &Env) -> (Server, u16, String) {
    let (own, key) = certificate(env, "own");
    give_to("postgres", &key);
    set_mode(env.root(), 0o711);
    let port = free_port();
    let server = Server::start_with_settings(&[
        "listen_addresses=127.0.0.1".to_owned(),
        format!("port={port}"),
        "ssl=on".to_owned(),
        format!("ssl_cert_file={}", own.display()),
        format!("ssl_key_file={}", key.display()),
    ]);
    server.psql("postgres", "CREATE ROLE app LOGIN SUPERUSER PASSWORD 'p:w'");
    let rules = "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n";
    fs::write(server.data().join("pg_hba.conf"), rules).unwrap();
    server.psql("postgres", "SELECT pg_reload_conf()");
    server.psql("postgres", "CREATE DATABASE app");
    server.psql("app", "CREATE TABLE t AS SELECT 1 AS v");
    (server, port, own.display().to_string())
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_server_is_believed_only_with_the_right_certificate() {
    let env = Env::new();
    let (server, port, own) = tcp_server(&env);
    let (other, _) = certificate(&env, "other");
    fs::write(env.path("password"), "p:w").unwrap();
    let url = |parameters: &str| format!("postgresql://app@127.0.0.1:{port}/app?{parameters}");
    let verified = |authority: &str| url(&format!("sslmode=verify-full&sslrootcert={authority}"));
    let dump = |url: &str| env.run(&format!("dump --password-file password {url}"));
    dump(&verified(&other.display().to_string())).fails(1, "certificate verify failed");
    let by_name = verified(&own).replace("127.0.0.1", "localhost");
    dump(&by_name).fails(1, "does not match host name \"localhost\"");
    dump(&url("sslmode=disable")).fails(1, "no pg_hba.conf entry");
    assert_no_trace(&env, &[]);
    let path = dump(&verified(&own)).succeeds().paths().remove(0);
    let back = verified(&own).replace("/app?", "/back?");
    let path = path.display();
    env.run(&format!("restore --password-file password {path} {back}"))
        .succeeds();
    assert_eq!(server.psql("back", "SELECT v FROM t"), "1");
}

#[test]
#[ignore = "needs PostgreSQL"]
fn service_and_password_files_are_heeded() {
    let env = Env::new();
    let (server, port, own) = tcp_server(&env);
    let with = |name: &str, content: &str| {
        fs::write(env.path(name), content).unwrap();
        set_mode(&env.path(name), 0o600);
    };
    with(
        "services",
        &format!(
            "[shop]\nhost=127.0.0.1\nport={port}\nuser=app\ndbname=app\nsslmode=verify-full\nsslrootcert={own}\n"
        ),
    );
    with("passwords", &format!("127.0.0.1:{port}:*:app:p\\:w\n"));
    with("wrong", &format!("127.0.0.1:{port}:*:app:nonsense\n"));
    let run = |args: &str, passwords: &str| {
        let mut command = env.program(args);
        command.env("PGSERVICEFILE", env.path("services"));
        Run::finish(command.env("PGPASSFILE", env.path(passwords)))
    };
    run("dump postgresql:///?service=shop", "wrong")
        .fails(1, "password authentication failed for user \"app\"");
    run("dump postgresql:///?service=nothing", "passwords")
        .fails(1, "definition of service \"nothing\" not found");
    assert_no_trace(&env, &[]);
    let all = run("dump postgresql:///?service=shop", "passwords").succeeds();
    assert_eq!(all.paths().len(), 3, "app, postgres, @globals: {all:?}");
    let one = run("dump postgresql:///app?service=shop", "passwords").succeeds();
    let dump = one.paths().remove(0);
    let restore = format!("restore {} postgresql:///back?service=shop", dump.display());
    run(&restore, "passwords").succeeds();
    assert_eq!(server.psql("back", "SELECT v FROM t"), "1");
}
