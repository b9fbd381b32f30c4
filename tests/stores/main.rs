//! Copies, against a real object store, a real SSH server and a directory.

#[allow(dead_code)]
#[path = "../integration/servers/postgresql/server.rs"]
mod postgresql;
#[allow(dead_code)] // what only other tests use
#[path = "../integration/servers/machine.rs"]
mod servers;
#[allow(dead_code)]
#[path = "../integration/support/mod.rs"]
mod support;

mod bad_input;
mod damage;
mod encryption;
mod equal_names;
mod faults;
mod hostile;
mod interrupted;
mod lies;
mod object_server;
mod options;
mod proxied_store;
mod proxy;
mod refusals;
mod retention;
mod round_trip;
mod seaweed;
mod ssh;
mod status;
mod test_store;
mod watched;
