//! A proxy that limits each connection to a server, as a network or a busy server does.

use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::{Duration, Instant};

/// The greatest number of bytes a second that a connection gets from the server.
const RATE: f64 = 20e6;

/// Forwards the connections that come to the socket `from` to the socket `to`.
pub(crate) fn forward(from: &Path, to: &Path) -> io::Result<()> {
    let listener = UnixListener::bind(from)?;
    let to = to.to_owned();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(server) = UnixStream::connect(&to) else {
                return;
            };
            std::thread::spawn(move || relay(client, server));
        }
    });
    Ok(())
}

fn relay(mut client: UnixStream, server: UnixStream) -> io::Result<()> {
    let (mut answers, mut back) = (server.try_clone()?, client.try_clone()?);
    std::thread::spawn(move || {
        let _ = slowly(&mut answers, &mut back);
        back.shutdown(std::net::Shutdown::Both)
    });
    let mut server = server;
    io::copy(&mut client, &mut server)?;
    server.shutdown(std::net::Shutdown::Write)
}

fn slowly(from: &mut dyn Read, to: &mut dyn Write) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    // A connection that waited may not catch up on the time before.
    let mut free = Instant::now();
    loop {
        let read = from.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..read])?;
        free = free.max(Instant::now()) + Duration::from_secs_f64(read as f64 / RATE);
        std::thread::sleep(free.saturating_duration_since(Instant::now()));
    }
}
