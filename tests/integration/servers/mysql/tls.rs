//! A server reached over TCP, with a certificate.

use super::Server;
use crate::servers::{assert_no_trace, certificate, free_port, give_to};
use crate::support::Env;

#[test]
#[ignore = "needs MariaDB"]
fn a_server_is_believed_only_with_the_right_certificate() {
    let env = Env::new();
    let (own, key) = certificate(&env, "own");
    let (other, _) = certificate(&env, "other");
    give_to("mysql", &key);
    // The server's user must reach the files in the directory, but need not read the directory.
    crate::support::set_mode(env.root(), 0o711);
    let port = free_port();
    let server = Server::start_with(&format!(
        "--bind-address=127.0.0.1 --port={port} --ssl-cert={} --ssl-key={}",
        own.display(),
        key.display()
    ));
    server.sql(
        "",
        "CREATE USER tls@'%' REQUIRE SSL; GRANT ALL ON *.* TO tls@'%'",
    );
    server.sql("", "CREATE DATABASE app; CREATE TABLE app.t SELECT 1 AS v");
    let url = |parameters: &str| format!("mysql://tls@127.0.0.1:{port}/app?{parameters}");
    let verified = |authority: &std::path::Path| {
        url(&format!(
            "ssl-ca={}&ssl-verify-server-cert",
            authority.display()
        ))
    };
    env.run(&format!("dump {}", verified(&other)))
        .fails(1, "TLS/SSL error: self-signed certificate");
    env.run(&format!("dump {}", url("skip-ssl")))
        .fails(1, "Access denied");
    assert_no_trace(&env, &[]);
    let dump = env.dump(&verified(&own));
    env.run(&format!("verify {}", dump.display())).succeeds();
    let back = verified(&own).replace("/app?", "/back?");
    env.run(&format!("restore {} {back}", dump.display()))
        .succeeds();
    assert_eq!(server.sql("back", "SELECT v FROM t"), "1");
}
