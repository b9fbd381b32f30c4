//! What stands between the program and a store: it cuts connections, answers in the store's place, and
//! changes what the store says.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Counted from 0.
    pub(crate) number: usize,
    pub(crate) method: String,
    /// With the query.
    pub(crate) path: String,
    /// Its head, as it was sent.
    pub(crate) head: String,
}

/// An answer: its head, with the empty line, and its body.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// What happens to a request.
pub(crate) enum Fault {
    /// Nothing: it is answered by the store.
    None,
    /// The store never gets it, and the connection ends.
    Refused,
    /// The store gets it, and its answer is lost.
    Lost,
    /// Nothing happens until the client has gone.
    Silence,
    /// The store answers so much later.
    Slow(Duration),
    /// An answer in the store's place: a status such as `503 Slow Down`, and a body.
    Answer(&'static str, String),
    /// The request's body is changed before the store gets it.
    Sent(fn(&mut Vec<u8>)),
    /// The store's answer is changed.
    Changed(Change),
}

/// What a store that lies makes of an answer.
pub(crate) type Change = Arc<dyn Fn(Answer) -> Answer + Send + Sync>;

type Rule = Box<dyn FnMut(&Request) -> Fault + Send>;

/// A store seen through faults.
pub(crate) struct Proxy {
    port: u16,
    state: Arc<Mutex<State>>,
}

struct State {
    rule: Rule,
    requests: Vec<Request>,
}

impl Proxy {
    /// Starts a proxy of a port of this machine. It lives as long as the test program.
    pub(crate) fn start(store: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let rule: Rule = Box::new(|_| Fault::None);
        let requests = Vec::new();
        let state = Arc::new(Mutex::new(State { rule, requests }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                // An error is a connection that ended.
                std::thread::spawn(move || serve(&client, store, &state));
            }
        });
        Proxy { port, state }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Says what happens to requests from now on, which are counted anew.
    pub(crate) fn rule(&self, rule: impl FnMut(&Request) -> Fault + Send + 'static) {
        let mut state = self.state.lock().unwrap();
        state.rule = Box::new(rule);
        state.requests.clear();
    }

    /// The requests since the last rule.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state.lock().unwrap().requests.clone()
    }
}

fn serve(client: &TcpStream, store: u16, state: &Mutex<State>) -> io::Result<()> {
    let mut from_client = BufReader::new(client);
    while let Some((head, mut body)) = message(&mut from_client, false)? {
        let mut words = head.split(' ');
        let fault = {
            let mut state = state.lock().unwrap();
            let request = Request {
                number: state.requests.len(),
                method: words.next().unwrap_or_default().to_owned(),
                path: words.next().unwrap_or_default().to_owned(),
                head: head.clone(),
            };
            state.requests.push(request.clone());
            (state.rule)(&request)
        };
        match &fault {
            Fault::Refused => return client.shutdown(Shutdown::Both),
            Fault::Silence => {
                io::copy(&mut from_client, &mut io::sink())?;
                return Ok(());
            }
            Fault::Answer(status, text) => {
                let length = text.len();
                write!(
                    &mut &*client,
                    "HTTP/1.1 {status}\r\nContent-Type: application/xml\r\nContent-Length: {length}\r\n\r\n{text}"
                )?;
                continue;
            }
            Fault::Sent(change) => change(&mut body),
            _ => {}
        }
        let server = TcpStream::connect(("127.0.0.1", store))?;
        (&server).write_all(head.as_bytes())?;
        (&server).write_all(&body)?;
        let answer = message(&mut BufReader::new(&server), head.starts_with("HEAD "))?;
        let Some((head, body)) = answer else {
            return client.shutdown(Shutdown::Both);
        };
        let answer = Answer { head, body };
        let answer = match fault {
            Fault::Lost => return client.shutdown(Shutdown::Both),
            Fault::Slow(time) => {
                std::thread::sleep(time);
                answer
            }
            Fault::Changed(change) => change(answer),
            _ => answer,
        };
        let mut client = client;
        client.write_all(answer.head.as_bytes())?;
        client.write_all(&answer.body)?;
    }
    Ok(())
}

/// Reads a request or an answer: its head and its body as they are sent; none at the end.
fn message(
    from: &mut BufReader<&TcpStream>,
    has_no_body: bool,
) -> io::Result<Option<(String, Vec<u8>)>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if from.read_until(b'\n', &mut head)? == 0 {
            return Ok(None);
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut body = Vec::new();
    let is_informal = head.contains(" 204 ") || head.contains(" 304 ");
    if has_no_body || is_informal {
        return Ok(Some((head, body)));
    }
    if let Some(length) = header(&head, "content-length") {
        body.resize(length.parse().unwrap(), 0);
        from.read_exact(&mut body)?;
    } else if header(&head, "transfer-encoding").is_some() {
        loop {
            let start = body.len();
            from.read_until(b'\n', &mut body)?;
            let size = String::from_utf8_lossy(&body[start..]).trim().to_owned();
            let size = usize::from_str_radix(&size, 16).map_err(io::Error::other)?;
            let start = body.len();
            body.resize(start + size + 2, 0);
            from.read_exact(&mut body[start..])?;
            if size == 0 {
                break;
            }
        }
    }
    Ok(Some((head, body)))
}

fn header(head: &str, name: &str) -> Option<String> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name)
            .then(|| value.trim().to_owned())
    })
}

impl Answer {
    /// Returns the answer with another body of any length, all of which it says to be the file.
    pub(crate) fn with_body(self, body: Vec<u8>) -> Self {
        let length = body.len();
        let lines = self.head.lines().filter(|line| !line.is_empty());
        let lines = lines.map(|line| {
            let name = line.split(':').next().unwrap_or_default();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => format!("{name}: {length}\r\n"),
                "content-range" => {
                    format!("{name}: bytes 0-{}/{length}\r\n", length.saturating_sub(1))
                }
                _ => format!("{line}\r\n"),
            }
        });
        let head = lines.collect::<String>() + "\r\n";
        Answer { head, body }
    }
}

/// A wire to a port of this machine that breaks.
pub(crate) struct Wire {
    port: u16,
    state: Arc<Mutex<Cut>>,
}

/// Where a wire breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// After so many bytes to the store.
    Up,
    /// After so many bytes from the store.
    Down,
}

#[derive(Clone, Copy)]
struct Cut {
    way: Way,
    /// How many bytes may still pass.
    left: usize,
    /// How many have passed.
    passed: usize,
    /// No connection passes afterwards.
    for_good: bool,
}

impl Wire {
    pub(crate) fn to(store: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let cut = Cut {
            way: Way::Up,
            left: usize::MAX,
            passed: 0,
            for_good: false,
        };
        let state = Arc::new(Mutex::new(cut));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let cut = *shared.lock().unwrap();
                if cut.for_good && cut.left == 0 {
                    continue;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", store)) else {
                    continue;
                };
                let (client, server) = (Arc::new(client), Arc::new(server));
                for (way, from, to) in [(Way::Up, &client, &server), (Way::Down, &server, &client)]
                {
                    let (from, to) = (Arc::clone(from), Arc::clone(to));
                    let state = Arc::clone(&shared);
                    std::thread::spawn(move || pass(way, &from, &to, &state));
                }
            }
        });
        Wire { port, state }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Breaks the wire once, or for good, when so many bytes have passed that way.
    pub(crate) fn cut(&self, way: Way, after: usize, for_good: bool) {
        *self.state.lock().unwrap() = Cut {
            way,
            left: after,
            passed: 0,
            for_good,
        };
    }

    /// Returns how many bytes have passed that way since the last cut was said.
    pub(crate) fn passed(&self) -> usize {
        self.state.lock().unwrap().passed
    }
}

fn pass(way: Way, mut from: &TcpStream, mut to: &TcpStream, state: &Mutex<Cut>) {
    let mut block = [0; 16 << 10];
    loop {
        let read = match from.read(&mut block) {
            Ok(0) | Err(_) => break,
            Ok(read) => read,
        };
        let (passing, is_cut) = {
            let mut cut = state.lock().unwrap();
            if cut.way == way && cut.left != usize::MAX {
                let passing = read.min(cut.left);
                let is_cut = passing < read;
                cut.left -= passing;
                cut.passed += passing;
                if is_cut && !cut.for_good {
                    cut.left = usize::MAX;
                }
                (passing, is_cut)
            } else {
                if cut.way == way {
                    cut.passed += read;
                }
                (read, cut.for_good && cut.left == 0)
            }
        };
        if to.write_all(&block[..passing]).is_err() || is_cut {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
