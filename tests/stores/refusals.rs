//! Stores that refuse a request: a removal, or a request without the right password.

use crate::proxied_store::{ProxiedStore, assert_ends_well, remove_all};
use crate::proxy::{Fault, Proxy, Request};
use crate::support::Run;
use crate::test_store::{StoreKind, TestStore};

#[test]
#[ignore = "needs SeaweedFS; tests/stores/run"]
fn a_store_that_refuses_to_remove_fails_no_run() {
    let store = ProxiedStore::new();
    let refuse = |request: &Request| match request.method.as_str() {
        "DELETE" => Fault::Answer(
            "403 Forbidden",
            "<Error><Code>AccessDenied</Code><Message>object lock</Message></Error>".to_owned(),
        ),
        _ => Fault::None,
    };
    store.proxy.rule(refuse);
    store.run("copy dump --keep 1 --to @").succeeds();
    store.place.dump();
    store.proxy.rule(refuse);
    let run = store.run("copy dump --keep 1 --to @").succeeds();
    assert!(
        run.stderr
            .contains("refuses to remove copies, so they stay"),
        "{run:?}"
    );
    assert_eq!(run.stdout.lines().count(), 1);
    assert!(
        store
            .proxy
            .requests()
            .iter()
            .any(|request| request.method == "DELETE")
    );
    assert_eq!(store.place.stored().len(), 4);
    // Nothing is asked for where the key may not.
    store.place.dump();
    store.proxy.rule(refuse);
    store
        .run("copy dump --keep 1 --no-rotate --to @")
        .succeeds();
    assert!(
        store
            .proxy
            .requests()
            .iter()
            .all(|request| request.method != "DELETE")
    );
    store.place.on("verify @").succeeds();
}

#[test]
#[ignore = "needs SeaweedFS; tests/stores/run"]
fn a_webdav_server_gets_the_password_and_what_it_refuses_is_said_without_it() {
    let place = TestStore::new(StoreKind::Webdav);
    place.dump();
    let proxy = Proxy::start(place.port());
    let copy = || {
        let mut command = place.through("copy dump --to @", proxy.port());
        command
            .env("WEBDAV_USERNAME", "joe")
            .env("WEBDAV_PASSWORD", "s3cret");
        Run::finish(&mut command)
    };
    copy().succeeds();
    let requests = proxy.requests();
    for method in ["PROPFIND", "MKCOL", "PUT", "MOVE", "GET"] {
        let made = requests.iter().find(|request| request.method == method);
        let head = made
            .unwrap_or_else(|| panic!("no {method}"))
            .head
            .to_lowercase();
        // joe:s3cret
        assert!(
            head.contains("authorization: basic am9lonmzy3jlda=="),
            "{head}"
        );
    }
    let is_replacing_nothing = |request: &Request| {
        request.method != "MOVE" || request.head.to_lowercase().contains("overwrite: f")
    };
    assert!(requests.iter().all(is_replacing_nothing), "{requests:?}");
    for refused in ["PUT", "MOVE"] {
        remove_all(&place);
        proxy.rule(move |request| match request.method == refused {
            true => Fault::Answer("401 Unauthorized", "s3cret".to_owned()),
            false => Fault::None,
        });
        let run = copy().fails(
            1,
            &format!("the store answers {refused} with 401 Unauthorized"),
        );
        assert!(
            run.stderr.lines().count() == 1 && !run.stderr.contains("s3cret"),
            "{run:?}"
        );
        assert_eq!(place.stored(), [""; 0], "{refused}");
        assert_ends_well(&place, refused);
    }
    // Another one was first.
    remove_all(&place);
    proxy.rule(|request| match request.method.as_str() {
        "MOVE" => Fault::Answer("412 Precondition Failed", String::new()),
        _ => Fault::None,
    });
    copy().fails(1, "an incomplete copy has its name and cannot be removed");
    assert_eq!(place.stored(), [""; 0]);
    assert_ends_well(&place, "a name that is taken");
}
