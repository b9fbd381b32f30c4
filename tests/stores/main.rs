//! Copies, against a real object store, a real SSH server and a directory.

#[allow(dead_code)] // what only other tests use
#[path = "../integration/support/mod.rs"]
mod support;

mod bad_input;
mod damage;
mod encryption;
mod interrupted;
mod retention;
mod round_trip;
mod seaweed;
mod ssh;
mod status;
mod test_store;
