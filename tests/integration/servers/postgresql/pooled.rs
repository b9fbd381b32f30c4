//! A connection pooler between the program and the server.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;

use super::Server;
use crate::servers::assert_no_trace;
use crate::support::Env;

/// The name of a server's socket.
const SOCKET: &str = ".s.PGSQL.5432";

/// Forwards connections to a server without the options in their startup packets, like a pooler
/// that is told to ignore options.
fn keep_options_back(place: &Path, server: &Path) {
    fs::create_dir(place).unwrap();
    let listener = UnixListener::bind(place.join(SOCKET)).unwrap();
    let server = server.join(SOCKET);
    thread::spawn(move || {
        for client in listener.incoming() {
            let Ok(server) = UnixStream::connect(&server) else {
                return;
            };
            let client = client.unwrap();
            thread::spawn(move || relay(client, server));
        }
    });
}

fn relay(mut client: UnixStream, mut server: UnixStream) -> io::Result<()> {
    server.write_all(&startup(&mut client)?)?;
    let (mut answers, mut back) = (server.try_clone()?, client.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut answers, &mut back);
        back.shutdown(std::net::Shutdown::Both)
    });
    io::copy(&mut client, &mut server)?;
    server.shutdown(std::net::Shutdown::Write)
}

/// Reads a startup packet and returns it without its options. The packet is a length, a version,
/// and names and values, each of which ends with a zero byte; another zero byte ends the packet.
fn startup(client: &mut UnixStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    client.read_exact(&mut length)?;
    let mut packet = vec![0; u32::from_be_bytes(length) as usize - 4];
    client.read_exact(&mut packet)?;
    let (version, rest) = packet.split_at(4);
    let words: Vec<_> = rest.split(|byte| *byte == 0).collect();
    let mut kept = version.to_vec();
    for pair in words.chunks_exact(2) {
        if !matches!(pair[0], b"options" | b"") {
            kept.extend([pair[0], b"\0", pair[1], b"\0"].concat());
        }
    }
    kept.push(0);
    let length = u32::try_from(kept.len() + 4).unwrap();
    Ok([&length.to_be_bytes()[..], &kept].concat())
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_pooler_is_refused_with_the_port_of_the_server() {
    let env = Env::new();
    let server = Server::start();
    server.psql("postgres", "CREATE TABLE t ()");
    let dump = env.dump(&server.url("postgres"));
    let dumps = env.names();
    let place = env.path("pooler");
    keep_options_back(&place, server.directory());
    let url = format!("postgresql://postgres@/postgres?host={}", place.display());
    let whole = url.replace("/postgres?", "/?");
    for run in [
        format!("dump {url}"),
        format!("dump {whole}"),
        format!("restore --replace {} {url}", dump.display()),
    ] {
        env.run(&run).fails(
            1,
            "this is a connection pooler, not PostgreSQL; name the server's own address in the URL (it listens on port 5432)",
        );
    }
    assert_no_trace(&env, &dumps);
}
