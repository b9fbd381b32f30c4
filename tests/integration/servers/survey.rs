//! `survey` finds running servers and the dumps of them.

use crate::servers::{free_port, mysql, postgresql};
use crate::support::Env;
use crate::survey::{rows_at, survey};

#[test]
#[ignore = "needs PostgreSQL and MariaDB"]
fn running_servers_are_found_by_their_sockets_and_ports() {
    let env = Env::new();
    let port = free_port();
    let postgresql = postgresql::Server::start_with_settings(&[
        format!("port={port}"),
        "listen_addresses=127.0.0.1".to_owned(),
    ]);
    let mysql = mysql::Server::start();
    let place = postgresql.directory().display().to_string();
    let socket = mysql.directory().display().to_string();
    let answer = survey(&env, "missing");
    for (place, engine) in [(&place, "PostgreSQL"), (&socket, "MySQL/MariaDB")] {
        let rows = rows_at(&answer, place);
        assert_eq!(rows.len(), 1, "{engine}: {answer:#}");
        assert_eq!(rows[0]["engine"], engine);
        assert_eq!(rows[0]["supported"], true);
        assert_eq!(rows[0]["covered"], false);
        assert!(rows[0]["process"].is_number());
    }
    let row = rows_at(&answer, &place)[0];
    let addresses = row["locations"].as_array().unwrap();
    assert!(
        addresses.contains(&format!("127.0.0.1:{port}").into()),
        "{row}"
    );

    // One database, then the whole server; by its socket and by its port.
    let by_port = format!("postgresql://postgres@localhost:{port}/postgres");
    env.run(&format!("dump {by_port}")).succeeds();
    let answer = survey(&env, "missing");
    let row = rows_at(&answer, &place)[0];
    assert_eq!(row["covered"], true);
    assert_eq!(row["databases"], serde_json::json!(["postgres"]));
    assert_eq!(rows_at(&answer, &socket)[0]["covered"], false);
    let run = env
        .run("survey missing --dumps dump")
        .fails(1, "nobody dumps: ");
    assert!(run.stdout.contains("; only postgres"), "{run:?}");

    std::fs::remove_dir_all(env.dumps()).unwrap();
    let whole = format!("postgresql://postgres@/?host={place}&port={port}");
    env.run(&format!("dump {whole}")).succeeds();
    env.run(&format!("dump {} --to dump/my", mysql.url("")))
        .succeeds();
    let answer = survey(&env, "missing");
    for place in [&place, &socket] {
        let row = rows_at(&answer, place)[0];
        assert_eq!(row["covered"], true, "{row}");
        assert!(row["databases"].is_null(), "{row}");
        assert!(row["newest"].is_string(), "{row}");
    }
}
