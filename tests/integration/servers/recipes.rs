//! The recipes of `docs/recipes.md` for programs without an engine, with these programs of Debian.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{KilledOnDrop, wait_for};
use crate::documentation::page::{code, read};
use crate::support::{Env, Run, set_mode};

/// Returns the line of the page that begins with `start`, with these changes.
#[track_caller]
fn line(start: &str, changes: &[(&str, &str)]) -> String {
    let lines = code(&read("docs/recipes.md"));
    let found = lines.iter().find(|line| line.starts_with(start));
    let mut line = found.unwrap_or_else(|| panic!("no {start}")).clone();
    for (from, to) in changes {
        assert!(line.contains(from), "{line} has no {from}");
        line = line.replace(from, to);
    }
    line
}

/// Runs a line of the page in a shell, with the program of this test. Returns the output.
#[track_caller]
fn run(env: &Env, line: &str) -> String {
    let line = line.replace("dump-database ", &format!("{} ", crate::support::PROGRAM));
    let mut shell = env.command("sh");
    shell.args(["-euc", &line]);
    let path = std::env::var("PATH").unwrap();
    shell.env("PATH", format!("{path}:/usr/sbin"));
    Run::finish(&mut shell).succeeds().stdout
}

const LDIF: &str = "dn: dc=example,dc=org\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n";
const ENTRY: &str = "dn: ou=people,dc=example,dc=org\nobjectClass: organizationalUnit\nou: people\ndescription:: w6k=\n";

/// Writes the configuration of a server with its data in `place`. Returns the path.
fn slapd_configuration(env: &Env, place: &str) -> String {
    let data = env.path(place);
    fs::create_dir(&data).unwrap();
    let path = env.path(format!("{place}.conf"));
    let text = format!(
        "include /etc/ldap/schema/core.schema\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\n\
         pidfile {0}/pid\nargsfile {0}/args\ndatabase mdb\nsuffix \"dc=example,dc=org\"\n\
         rootdn \"cn=admin,dc=example,dc=org\"\nrootpw secret\ndirectory {0}\nmaxsize 10485760\n",
        data.display()
    );
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
#[ignore = "needs slapd and ldap-utils"]
fn openldap() {
    let env = Env::new();
    let configuration = slapd_configuration(&env, "live");
    fs::write(env.path("first.ldif"), LDIF).unwrap();
    run(
        &env,
        &format!("slapadd -q -f {configuration} -l first.ldif"),
    );
    let socket = env.path("ldapi").display().to_string().replace('/', "%2F");
    let url = format!("ldapi://{socket}");
    let mut slapd = env.command("/usr/sbin/slapd");
    slapd.args(["-f", &configuration, "-h", &url, "-d", "0"]);
    let _slapd = KilledOnDrop(
        slapd
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    wait_for("slapd", || {
        let mut whoami = env.command("ldapwhoami");
        whoami.args(["-x", "-H", &url]).stdout(Stdio::null());
        whoami.stderr(Stdio::null()).status().unwrap().success()
    });
    fs::write(env.path("entry.ldif"), ENTRY).unwrap();
    let bind = "-x -D cn=admin,dc=example,dc=org -w secret";
    run(&env, &format!("ldapadd -H {url} {bind} -f entry.ldif"));

    let slapcat = format!("slapcat -f {configuration}");
    let dump = line(
        "dump-database dump --name ldap --to",
        &[("/var/backups/ldap", "ldap"), ("slapcat", &slapcat)],
    );
    let dumped = run(&env, &dump);
    let again = slapd_configuration(&env, "again");
    let slapadd = format!("slapadd -f {again}");
    let restore = line(
        "gunzip -c ldap-",
        &[
            ("ldap-20261122T193000Z.dump.gz", dumped.trim()),
            ("slapadd", &slapadd),
        ],
    );
    run(&env, &restore);
    let content = |configuration: &str| run(&env, &format!("slapcat -f {configuration} -n 1"));
    assert_eq!(content(&again), content(&configuration));
    assert!(content(&again).contains("dn: ou=people,dc=example,dc=org"));
}

/// Starts a member in this data directory. Returns it, and the address of its clients.
fn etcd(env: &Env, data: &Path) -> (KilledOnDrop, String) {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [client, peer] = listeners.map(|free| format!("http://{}", free.local_addr().unwrap()));
    let mut etcd = env.command("etcd");
    etcd.arg("--data-dir").arg(data);
    etcd.args([
        "--listen-client-urls",
        &client,
        "--advertise-client-urls",
        &client,
    ]);
    etcd.args(["--listen-peer-urls", &peer]);
    let running = etcd.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let running = KilledOnDrop(running.unwrap());
    wait_for("etcd", || {
        let mut health = Command::new("etcdctl");
        health
            .env("ETCDCTL_API", "3")
            .env("ETCDCTL_ENDPOINTS", &client);
        let health = health.args(["endpoint", "health"]).output().unwrap();
        health.status.success()
    });
    (running, client)
}

#[test]
#[ignore = "needs etcd-server and etcd-client"]
fn etcd_snapshots() {
    let env = Env::new();
    let (running, client) = etcd(&env, &env.path("live"));
    let with = |client: &str, line: &str| {
        run(
            &env,
            &format!("export ETCDCTL_API=3 ETCDCTL_ENDPOINTS={client}; {line}"),
        )
    };
    with(&client, "etcdctl put shop open; etcdctl put tax 19");
    let page = read("docs/recipes.md");
    let script = page
        .split("```sh\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    fs::write(env.path("etcd-snapshot"), script).unwrap();
    set_mode(&env.path("etcd-snapshot"), 0o755);
    let dump = line(
        "dump-database dump --name etcd",
        &[("/var/backups/etcd", "etcd"), ("/usr/local/bin", "./")],
    );
    let dumped = with(&client, &dump);
    with(&client, "etcdctl put shop closed");
    drop(running);

    let snapshot = line(
        "gunzip -c etcd-",
        &[("etcd-20261122T193000Z.dump.gz", dumped.trim())],
    );
    let restore = line(
        "etcdctl snapshot restore",
        &[("/var/lib/etcd/restored", "restored")],
    );
    with("", &format!("{snapshot}; {restore}"));
    let (running, client) = etcd(&env, &env.path("restored"));
    let all = with(&client, "etcdctl get --prefix ''");
    assert_eq!(all, "shop\nopen\ntax\n19\n");
    drop(running);

    // A server that does not answer gives no dump.
    let dump = dump.replace("dump-database ", &format!("{} ", crate::support::PROGRAM));
    let mut shell = env.command("sh");
    shell
        .env("ETCDCTL_API", "3")
        .env("ETCDCTL_ENDPOINTS", &client);
    shell.args(["-c", &dump]);
    Run::finish(&mut shell).fails(1, "was not dumped");
}
