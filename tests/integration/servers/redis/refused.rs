//! What is refused, and the sentences for it. No password is shown.

use super::Server;
use crate::servers::{certificate, free_port, give_to};
use crate::support::Env;

#[test]
#[ignore = "needs Redis"]
fn a_login_that_fails_is_explained_and_nothing_goes_on_as_another_user() {
    let env = Env::new();
    let server = Server::start_with("--requirepass s3same");
    let admin = |line: &str| server.run(&format!("AUTH s3same\n{line}"));
    admin("SET a 1");
    admin("ACL SETUSER dumper on >d3mper +info +sync +replconf");
    admin("ACL SETUSER weak on nopass ~* +info");
    for (name, password) in [("right", "s3same"), ("wrong", "s3cret"), ("own", "d3mper")] {
        let path = env.path(name);
        std::fs::write(&path, password).unwrap();
        std::os::unix::fs::chown(&path, None, None).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .unwrap();
    }
    let (url, dumper) = (server.url(), server.url_as("dumper"));
    let refused = |args: &str, why: &str| {
        let run = env.run(args).fails(1, why);
        let said = format!("{}{}", run.stdout, run.stderr);
        for secret in ["s3same", "s3cret", "d3mper"] {
            assert!(!said.contains(secret), "{said}");
        }
        assert!(!env.dumps().exists() || env.names().is_empty());
    };
    refused(&format!("dump {url}"), "asks for a password; name a file");
    refused(
        &format!("dump --password-file wrong {url}"),
        "the server refuses the user or the password",
    );
    refused(
        &format!("dump --password-file wrong {dumper}"),
        "the server refuses the user or the password",
    );
    refused(
        &format!("dump {}", server.url_as("weak")),
        "the user lacks a permission",
    );
    env.run(&format!("dump --password-file right {url}"))
        .succeeds();
    env.run(&format!("dump --password-file own {dumper}"))
        .succeeds();

    // A server where everybody else may do everything.
    let open = Server::start();
    open.run("ACL SETUSER named on >n4med ~* +@all");
    let run = format!(
        "restore --password-file wrong dump {}",
        open.url_as("named")
    );
    env.run(&run)
        .fails(1, "the server refuses the user or the password");
    assert_eq!(open.run("DBSIZE"), "0");
    let run = format!("restore --password-file right dump {}", open.url());
    env.run(&run)
        .fails(1, "a password is given and the server has none");
    assert_eq!(open.run("DBSIZE"), "0");
}

#[test]
#[ignore = "needs Redis"]
fn no_password_is_in_an_argument() {
    let env = Env::new();
    let server = Server::start_with("--requirepass s3same --repl-diskless-sync-delay 2");
    std::fs::write(env.path("password"), "s3same").unwrap();
    let mut running = env.start(&format!("dump --password-file password {}", server.url()));
    let mut seen = 0;
    while running.try_wait().unwrap().is_none() {
        for pid in crate::servers::descendants(running.id()) {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).into_owned();
            assert!(!line.contains("s3same"), "{line}");
            seen += usize::from(line.contains("--rdb"));
        }
    }
    assert!(seen > 0);
    crate::support::Run::end_of(running).succeeds();
}

#[test]
#[ignore = "needs Redis"]
fn servers_that_hold_no_whole_data_are_refused() {
    let env = Env::new();
    let server = Server::start();
    server.run("SET a 1");
    env.dump(&server.url());

    let cluster = Server::start_with(&format!("--cluster-enabled yes --port {}", free_port()));
    for command in ["dump", "restore dump"] {
        env.run(&format!("{command} {}", cluster.url())).fails(
            1,
            "is a node of a cluster, which holds only a part of the keys",
        );
    }
    let config = env.path("sentinel");
    std::fs::create_dir(&config).unwrap();
    std::fs::write(config.join("conf"), "").unwrap();
    give_to("redis", &config);
    give_to("redis", &config.join("conf"));
    std::fs::set_permissions(
        env.root(),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    let port = free_port();
    let mut sentinel = crate::servers::unprivileged("redis", "redis-server".as_ref());
    sentinel
        .arg(config.join("conf"))
        .args(["--sentinel", "--port", &port.to_string()])
        .stdout(std::process::Stdio::null());
    let _sentinel = crate::servers::KilledOnDrop(sentinel.spawn().unwrap());
    crate::servers::wait_for("the sentinel", || {
        std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    env.run(&format!("dump redis://127.0.0.1:{port}"))
        .fails(1, "is a Sentinel, which holds no data");

    let replica = Server::start_with(&format!("--replicaof 127.0.0.1 {port}"));
    env.run(&format!("dump --to other {}", replica.url()))
        .fails(1, "is a replica that has no connection to its primary");
    env.run(&format!("restore dump {}", replica.url()))
        .fails(1, &format!("is a replica of 127.0.0.1:{port}"));

    let evicting = Server::start_with("--maxmemory 100mb --maxmemory-policy allkeys-lru");
    env.run(&format!("restore dump {}", evicting.url())).fails(
        1,
        "removes keys when its memory is full (maxmemory-policy allkeys-lru)",
    );
    let few = Server::start_with("--databases 1");
    env.run(&format!("restore dump {}", few.url()))
        .fails(1, "a restore needs 1 empty database of the server");
    assert_eq!(few.run("DBSIZE"), "0");
    env.run(&format!("restore --keep-going dump {}", server.url()))
        .fails(1, "restored whole or not at all");
    env.run("dump redis://127.0.0.1:1")
        .fails(1, "Connection refused");
    env.run("dump redis+unix:///nowhere/s")
        .fails(1, "No such file");
}

#[test]
#[ignore = "needs Redis"]
fn a_renamed_command_is_named() {
    let env = Env::new();
    let config = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(config.path(), "rename-command SYNC \"\"\n").unwrap();
    std::fs::set_permissions(
        config.path(),
        std::os::unix::fs::PermissionsExt::from_mode(0o644),
    )
    .unwrap();
    let server = Server::start_with(&format!("--include {}", config.path().display()));
    env.run(&format!("dump {}", server.url()))
        .fails(1, "renamed it (rename-command)");
}

#[test]
#[ignore = "needs Redis"]
fn a_server_is_reached_over_tls() {
    let env = Env::new();
    std::fs::set_permissions(
        env.root(),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    let (certificate, key) = certificate(&env, "server");
    give_to("redis", &key);
    let port = free_port();
    let server = Server::start_with(&format!(
        "--tls-port {port} --tls-cert-file {0} --tls-key-file {1} --tls-ca-cert-file {0} --tls-auth-clients no",
        certificate.display(),
        key.display()
    ));
    server.run("SET a 1");
    let url = format!(
        "rediss://127.0.0.1:{port}/?cacert={}",
        certificate.display()
    );
    env.dump(&url);
    server.run("DEL a");
    env.run(&format!("restore dump {url}")).succeeds();
    assert_eq!(server.run("GET a"), "1");
    env.run(&format!("dump rediss://127.0.0.1:{port}"))
        .fails(1, "cannot connect to rediss://");
}
