//! Listening sockets, from `/proc/PID/net`.

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The longest table that is read, in bytes. A user may open very many sockets.
const LONGEST: u64 = 64 << 20;
/// The flag of a Unix socket that listens (`__SO_ACCEPTCON`).
const LISTENS: u64 = 1 << 16;
/// The state of a TCP socket that listens (`TCP_LISTEN`).
const LISTEN: &str = "0A";

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Address {
    /// A Unix socket.
    Socket(PathBuf),
    /// An address and a TCP port.
    Port(IpAddr, u16),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Socket(path) => path.display().fmt(f),
            Address::Port(IpAddr::V6(address), port) => write!(f, "[{address}]:{port}"),
            Address::Port(address, port) => write!(f, "{address}:{port}"),
        }
    }
}

/// Returns the listening sockets of the network namespace of the process `process` (a number or
/// `self`), each with its inode.
pub(super) fn list_listening(process: &str) -> Vec<(u64, Address)> {
    let table = |name: &str| read(&Path::new("/proc").join(process).join("net").join(name));
    let mut all = parse_unix(&table("unix"));
    for name in ["tcp", "tcp6"] {
        all.extend(parse_tcp(&table(name)));
    }
    all
}

/// Returns the first bytes of a file of `/proc`; nothing if it cannot be read.
pub(super) fn read(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Ok(file) = File::open(path) {
        // What was read before an error is still of use.
        let _ = file.take(LONGEST).read_to_end(&mut bytes);
    }
    bytes
}

/// Parses `/proc/net/unix`: number, references, protocol, flags, type, state, inode, path. Sockets
/// without a file are left out.
fn parse_unix(table: &[u8]) -> Vec<(u64, Address)> {
    let socket = |line: &[u8]| {
        let mut rest = line;
        let mut field = || {
            rest = rest.trim_ascii_start();
            let end = rest.iter().position(u8::is_ascii_whitespace);
            let (field, after) = rest.split_at(end.unwrap_or(rest.len()));
            rest = after;
            std::str::from_utf8(field).ok()
        };
        let flags =
            u64::from_str_radix(field().and(field()).and(field()).and(field())?, 16).ok()?;
        let inode = field().and(field()).and(field())?.parse().ok()?;
        let path = rest.strip_prefix(b" ")?;
        // The name of an abstract socket begins with `@` here.
        let listens = flags & LISTENS != 0 && !path.starts_with(b"@");
        let path = PathBuf::from(OsStr::from_bytes(path));
        listens.then_some((inode, Address::Socket(path)))
    };
    table
        .split(|byte| *byte == b'\n')
        .filter_map(socket)
        .collect()
}

/// Parses `/proc/net/tcp` or `/proc/net/tcp6`: number, local address, remote address, state, and the
/// inode as the tenth field.
fn parse_tcp(table: &[u8]) -> Vec<(u64, Address)> {
    let table = String::from_utf8_lossy(table);
    let socket = |line: &str| {
        let fields: Vec<_> = line.split_ascii_whitespace().collect();
        if fields.get(3) != Some(&LISTEN) {
            return None;
        }
        let (address, port) = fields.get(1)?.split_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        let inode = fields.get(9)?.parse().ok()?;
        Some((inode, Address::Port(parse_address(address)?, port)))
    };
    table.lines().filter_map(socket).collect()
}

/// Parses an address of `/proc/net/tcp`: words of 32 bits, each in the byte order of the machine.
fn parse_address(text: &str) -> Option<IpAddr> {
    let words = text.as_bytes().chunks(8);
    let words = words.map(|word| u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok());
    let bytes: Vec<u8> = words
        .collect::<Option<Vec<u32>>>()?
        .into_iter()
        .flat_map(u32::to_ne_bytes)
        .collect();
    if let Ok(bytes) = <[u8; 4]>::try_from(&bytes[..]) {
        return Some(Ipv4Addr::from(bytes).into());
    }
    let address = Ipv6Addr::from(<[u8; 16]>::try_from(&bytes[..]).ok()?);
    Some(address.to_ipv4_mapped().map_or(address.into(), IpAddr::V4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listening_sockets_count() {
        let table = b"Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 1201 /run/a b.sock
0000000000000000: 00000003 00000000 00000000 0001 03 1202 /run/connected
0000000000000000: 00000002 00000000 00010000 0001 01 1203 @abstract
0000000000000000: 00000002 00000000 00010000 0001 01 1204
";
        let socket = Address::Socket(PathBuf::from("/run/a b.sock"));
        assert_eq!(parse_unix(table), [(1201, socket)]);
        assert_eq!(parse_unix(b"\n 1 \nx y z\n"), []);
    }

    #[test]
    fn addresses_are_in_the_byte_order_of_the_machine() {
        let table = "  sl  local_address rem_address   st ...
   0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000   107        0 777 1 0
   1: 0100007F:1538 0100007F:9999 01 00000000:00000000 00:00000000 00000000   107        0 778 1 0
";
        let local = Address::Port(IpAddr::V4(Ipv4Addr::LOCALHOST), 5432);
        assert_eq!(parse_tcp(table.as_bytes()), [(777, local.clone())]);
        assert_eq!(local.to_string(), "127.0.0.1:5432");
        let six = parse_address("00000000000000000000000001000000").unwrap();
        assert_eq!(Address::Port(six, 1).to_string(), "[::1]:1");
        assert_eq!(parse_address("zz"), None);
    }
}
