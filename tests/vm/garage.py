AS_OWNER = "runuser -u dump-database --"
COPY = "systemctl start dump-database-notes dump-database-copy-store"
STORED = "AWS_ENDPOINT_URL=http://127.0.0.1:3900 AWS_REGION=garage"
READ = f"env {STORED} dump-database {{}} s3://backup/prod --store-config /run/secrets/store"


def value_of(text: str, name: str) -> str:
    """The value behind a name in the answer of Garage."""
    (line,) = [line for line in text.splitlines() if line.lower().startswith(f"{name}:")]
    return line.split(":", 1)[1].strip()


machine.wait_for_unit("multi-user.target")
machine.wait_for_unit("garage.service")
machine.wait_for_open_port(3900)
node = machine.succeed("garage node id").split("@")[0].strip()
machine.succeed(
    "systemctl stop 'dump-database*.timer'",
    f"garage layout assign -z here -c 1G {node}",
    "garage layout apply --version 1",
    "garage bucket create backup",
)
key = machine.succeed("garage key create copier")
machine.succeed(
    "garage bucket allow --read --write backup --key copier",
    "install -d -m 700 /run/secrets",
    f"(umask 077; printf 'AWS_ACCESS_KEY_ID={value_of(key, 'key id')}\\n"
    f"AWS_SECRET_ACCESS_KEY={value_of(key, 'secret key')}\\n' >/run/secrets/store)",
    "install -d -o dump-database -g dump-database -m 700 /srv/notes",
    f"{AS_OWNER} sqlite3 /srv/notes/notes.db 'CREATE TABLE note (text); INSERT INTO note VALUES (42)'",
)

with subtest("dumps are copied, encrypted and read back"):
    machine.succeed(COPY)
    assert machine.succeed(READ.format("list")).count(".gz.age") == 1

with subtest("the store keeps what its own policy says"):
    for _ in range(2):
        machine.succeed(COPY)
    assert machine.succeed(READ.format("list")).count(".gz.age") == 2

with subtest("a round and another machine see how old the copies are"):
    machine.succeed("systemctl start dump-database", READ.format("status") + " --max-age 1h")

with subtest("a copy is verified, restored and drilled with the private key"):
    machine.succeed(
        READ.format("verify") + " --identity /etc/copies-key",
        f"{READ.format('restore')} --host web --name notes --identity /etc/copies-key /srv/two.db",
        "systemctl start dump-database-drill-copies-store",
    )
    assert machine.succeed("sqlite3 /srv/two.db 'SELECT text FROM note'") == "42\n"
    machine.wait_until_succeeds("journalctl -o cat -u dump-database-drill-copies-store | grep 'restored in'")
