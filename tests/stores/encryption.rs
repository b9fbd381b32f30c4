//! Encrypted copies: age's own program reads them, and nobody without the key.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use crate::support::database::contents;
use crate::support::{Env, Run, set_mode};
use crate::test_store::{StoreKind, TestStore, all};

/// A key pair: the private key is in the file `key`.
pub(crate) struct Keys {
    pub(crate) public: String,
}

impl Keys {
    pub(crate) fn new(env: &Env) -> Self {
        Keys::named(env, "key")
    }

    fn named(env: &Env, file: &str) -> Self {
        Run::finish(env.command("age-keygen").args(["-o", file])).succeeds();
        set_mode(&env.path(file), 0o600);
        let text = fs::read_to_string(env.path(file)).unwrap();
        let public = text
            .lines()
            .find_map(|line| line.strip_prefix("# public key: "));
        Keys {
            public: public.unwrap().to_owned(),
        }
    }
}

fn ssh_key(env: &Env, kind: &str, passphrase: &str) -> String {
    let file = format!("ssh_{kind}{}", passphrase.len());
    let mut command = env.command("ssh-keygen");
    Run::finish(command.args(["-q", "-t", kind, "-N", passphrase, "-f", &file])).succeeds();
    file
}

#[test]
#[ignore = "needs SeaweedFS and an SSH server; tests/stores/run"]
fn age_decrypts_what_is_copied_and_nothing_else_can_be_read() {
    for kind in all() {
        let place = TestStore::new(kind);
        let keys = Keys::new(&place.env);
        let dump = place.dump();
        let urls = place.copy(&format!("--recipient {}", keys.public));
        let path = place.path_of(&urls[0]);
        assert!(path.ends_with(".sqlite.gz.age"), "{path}");
        fs::write(place.env.path("copy.age"), place.read(&path)).unwrap();
        let plain = place
            .env
            .command("age")
            .args(["-d", "-i", "key", "copy.age"])
            .output()
            .unwrap();
        assert!(plain.status.success() && plain.stdout == fs::read(&dump).unwrap());
        let location = place.env.path("db.sqlite").display().to_string();
        for file in place.stored() {
            let stored = String::from_utf8_lossy(&place.read(&file)).into_owned();
            assert!(
                !stored.contains("person") && !stored.contains(&location),
                "{file}: {stored}"
            );
        }
        let run = place.on("verify @").succeeds();
        assert!(
            run.stdout
                .contains("stored as it was copied; --identity checks"),
            "{run:?}"
        );
        let run = place.on("verify @ --identity key").succeeds();
        assert!(run.stdout.contains(": good, "), "{run:?}");
        place
            .on("restore @ new.sqlite")
            .fails(2, "it is encrypted; name the file of the private key");
        Keys::named(&place.env, "wrong");
        let run = place.on("restore @ new.sqlite --identity wrong");
        let run = run.fails(1, "it is not encrypted to any key of the identity file");
        assert!(!run.stderr.contains("AGE-SECRET"), "{run:?}");
        assert!(!place.env.path("new.sqlite").exists());
        let before = contents(&place.env.path("db.sqlite"));
        place.on("restore @ new.sqlite --identity key").succeeds();
        assert_eq!(contents(&place.env.path("new.sqlite")), before);
        let mut drill = place.program("drill");
        Run::finish(drill.arg(&place.url).env("DUMP_DATABASE_IDENTITY", "key")).succeeds();
        // Encrypted now or not, it is copied.
        assert_eq!(place.copy(""), [""; 0]);
    }
}

#[test]
#[ignore = "needs age and ssh-keygen"]
fn ssh_keys_and_files_of_recipients_count() {
    let place = TestStore::new(StoreKind::Directory);
    let ed25519 = ssh_key(&place.env, "ed25519", "");
    let rsa = ssh_key(&place.env, "rsa", "");
    let mut recipients = fs::File::create(place.env.path("recipients")).unwrap();
    for key in [&ed25519, &rsa] {
        let public = fs::read_to_string(place.env.path(format!("{key}.pub"))).unwrap();
        writeln!(recipients, "# of an engineer\n{public}").unwrap();
    }
    place.dump();
    place.copy("--recipients-file recipients");
    for key in [&ed25519, &rsa] {
        place.on(&format!("verify @ --identity {key}")).succeeds();
    }
    let locked = ssh_key(&place.env, "ed25519", "passphrase");
    place
        .on(&format!("verify @ --identity {locked}"))
        .fails(1, "has a passphrase");
    set_mode(&place.env.path(&ed25519), 0o644);
    let run = place
        .on(&format!("verify @ --identity {ed25519}"))
        .succeeds();
    assert!(
        run.stderr.contains("every user of this machine can read"),
        "{run:?}"
    );
}

#[test]
#[ignore = "needs age and ssh-keygen"]
fn what_age_encrypts_is_restored() {
    let place = TestStore::new(StoreKind::Directory);
    let keys = Keys::new(&place.env);
    let dump = place.dump();
    let name = dump.file_name().unwrap().to_str().unwrap();
    fs::create_dir_all(place.env.path("stored/web/db")).unwrap();
    let copy = format!("stored/web/db/{name}.age");
    let mut command = place.env.command("age");
    command.args(["-r", &keys.public, "-o", &copy]).arg(&dump);
    Run::finish(command.stdin(Stdio::null())).succeeds();
    // It is unfinished until it is proven whole.
    place.on(&format!("verify {copy}")).fails(1, "");
    let run = place
        .on(&format!("verify {copy} --identity key"))
        .succeeds();
    assert!(run.stderr.contains("has its sidecar again"), "{run:?}");
    place.on("verify @").succeeds();
    place.on("restore @ new.sqlite --identity key").succeeds();
    assert_eq!(
        contents(&place.env.path("new.sqlite")),
        contents(&place.env.path("db.sqlite"))
    );
}

#[test]
#[ignore = "needs age and ssh-keygen"]
fn what_is_no_recipient_is_refused_before_anything_is_stored() {
    let place = TestStore::new(StoreKind::Directory);
    place.dump();
    let keys = fs::read_to_string({
        Keys::new(&place.env);
        place.env.path("key")
    })
    .unwrap();
    let secret = keys.lines().last().unwrap().to_owned();
    let no = |args: &[&str]| {
        let mut command: Command = place.program("copy dump --to");
        Run::finish(command.arg(&place.url).args(args))
    };
    no(&["--recipient", "age1nonsense"]).fails(2, "age1nonsense... is not a recipient");
    let run = no(&["--recipient", &secret]).fails(2, "a private key is given as a recipient");
    assert!(!run.stderr.contains(&secret[..30]), "{run:?}");
    fs::write(place.env.path("none"), "# nobody\n").unwrap();
    no(&["--recipients-file", "none"]).fails(2, "has no recipient");
    no(&["--recipients-file", "missing"]).fails(1, "cannot read the recipients in missing");
    assert_eq!(place.stored(), [""; 0]);
    place.copy("");
    fs::write(place.env.path("noise"), "nothing\n").unwrap();
    place
        .on("verify @ --identity noise")
        .fails(1, "noise is not an identity file");
}
