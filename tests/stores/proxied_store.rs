//! A store that is reached through a proxy, and what must be true of it after a fault.

use std::process::Command;

use crate::proxy::Proxy;
use crate::support::Run;
use crate::support::database::contents;
use crate::test_store::{StoreKind, TestStore};

/// A store that the program reaches through a proxy.
pub(crate) struct ProxiedStore {
    pub(crate) place: TestStore,
    pub(crate) proxy: Proxy,
}

impl ProxiedStore {
    /// Returns an object store, and makes a dump.
    pub(crate) fn new() -> Self {
        ProxiedStore::of(StoreKind::S3)
    }

    pub(crate) fn of(kind: StoreKind) -> Self {
        let place = TestStore::new(kind);
        let proxy = Proxy::start(place.port());
        place.dump();
        ProxiedStore { place, proxy }
    }

    /// Returns the command that runs the program on the destination, through the proxy.
    pub(crate) fn program(&self, args: &str) -> Command {
        self.place.through(args, self.proxy.port())
    }

    pub(crate) fn run(&self, args: &str) -> Run {
        Run::finish(&mut self.program(args))
    }
}

/// Asserts that every copy that counts is whole, that every dump is still there, and that a run without
/// faults completes. `what` names the fault.
#[track_caller]
pub(crate) fn assert_ends_well(place: &TestStore, what: &str) {
    let dumps = place.env.names().len();
    if place
        .stored()
        .iter()
        .any(|path| path.ends_with(".copy.json"))
    {
        place.on("verify @").succeeds();
    }
    place.copy("");
    place.on("verify @").succeeds();
    assert_eq!(place.env.names().len(), dumps, "{what}");
    let stored = place.stored();
    assert_eq!(stored.len(), 2 * dumps, "{what}: {stored:?}");
    place
        .on("restore @ restored.sqlite --replace --without-saving")
        .succeeds();
    assert_eq!(
        contents(&place.env.path("restored.sqlite")),
        contents(&place.env.path("db.sqlite")),
        "{what}"
    );
}

/// Removes everything that is stored.
pub(crate) fn remove_all(place: &TestStore) {
    for path in place.stored() {
        place.remove(&path);
    }
}
