AS_OWNER = "runuser -u dump-database --"
NOTES = "/var/lib/dump-database/notes"
STORED = "AWS_ENDPOINT_URL=http://127.0.0.1:8333 AWS_REGION=here"
READ = f"env {STORED} dump-database {{}} s3://backup/prod --store-config /run/secrets/store"
COPIES = ("dump-database-copy-disk", "dump-database-copy-store")
DROP_IN = "/run/systemd/system/dump-database-copy-store.service.d"
PROBE = """[Service]
BindReadOnlyPaths=/etc/copies:/probe
ExecStart=
ExecStart={} /probe/probe.sh
"""

machine.wait_for_unit("multi-user.target")
machine.succeed(
    "systemctl stop 'dump-database*.timer'",
    "install -d -m 700 /run/secrets",
    "install -m 600 /etc/copies/key /run/secrets/key",
    "(umask 077; printf 'AWS_ACCESS_KEY_ID=copier\\nAWS_SECRET_ACCESS_KEY=correct-horse\\n' >/run/secrets/store)",
    "install -d -o dump-database -g dump-database -m 700 /srv/notes",
    f"{AS_OWNER} sqlite3 /srv/notes/notes.db 'CREATE TABLE note (text); INSERT INTO note VALUES (42)'",
    "install -d /mnt",
    "systemctl start keeper-store",
)
machine.succeed(
    "ssh-keygen -q -t ed25519 -N '' -f /run/secrets/host-key",
    "ssh-keygen -q -t ed25519 -N '' -f /run/secrets/ssh-key",
    "install -m 644 /run/secrets/ssh-key.pub /run/copier.pub",
    "sed 's/^/[127.0.0.1]:2022 /' /run/secrets/host-key.pub >/root/known_hosts",
    "install -m 644 /root/known_hosts /etc/ssh/ssh_known_hosts",
    "install -d -o vault -m 700 /srv/vault",
    "systemctl start keeper-ssh",
)
machine.wait_until_succeeds("curl -sf -X POST http://127.0.0.1:8888/buckets/backup/")

with subtest("before the first dump there is nothing to copy"):
    machine.succeed(f"systemctl start {COPIES[0]}")
    machine.fail("find /mnt/copies -type f | grep .")

with subtest("the dumps of every user are copied, each destination by its own unit"):
    machine.succeed("systemctl start keeper dump-database-notes")
    machine.wait_until_succeeds("test -s /var/lib/keeper/keeper.db")
    machine.succeed("systemctl start dump-database-keeper")
    # The store answers before it can store.
    machine.succeed(f"systemctl start {COPIES[0]}")
    machine.wait_until_succeeds(f"systemctl start {COPIES[1]}")
    for database in ("notes", "keeper"):
        machine.succeed(f"ls /mnt/copies/web/{database}/*.sqlite.gz")
    said = machine.succeed(READ.format("list"))
    assert said.count(".gz.age") == 2, said
    assert machine.succeed("stat -c '%U %a' /mnt/copies") == "dump-database-copy 700\n"

with subtest("an SSH server gets copies, with a key that only its unit has"):
    machine.succeed("systemctl start dump-database-copy-ssh")
    for database in ("notes", "keeper"):
        machine.succeed(f"ls /srv/vault/prod/web/{database}/*.sqlite.gz")
    machine.succeed(
        "env SFTP_KEY_FILE=/run/secrets/ssh-key dump-database restore sftp://vault@127.0.0.1:2022/srv/vault/prod"
        " /srv/three.db --host web --name notes"
    )
    assert machine.succeed("sqlite3 /srv/three.db 'SELECT text FROM note'") == "42\n"
    machine.fail("pgrep -u dump-database-copy")
    machine.succeed("mv /run/copier.pub /run/away")
    machine.fail("systemctl start dump-database-copy-ssh")
    machine.wait_until_succeeds("journalctl -o cat -u dump-database-copy-ssh | grep 'Permission denied (publickey'")
    machine.succeed("mv /run/away /run/copier.pub", "systemctl start dump-database-copy-ssh")

with subtest("a copy restores, and one that is encrypted with the private key alone"):
    machine.succeed("dump-database restore /mnt/copies /srv/one.db --host web --name notes")
    machine.fail(f"{READ.format('restore')} --host web --name notes /srv/two.db")
    machine.succeed(f"{READ.format('restore')} --host web --name notes --identity /run/secrets/key /srv/two.db")
    for file in ("/srv/one.db", "/srv/two.db"):
        assert machine.succeed(f"sqlite3 {file} 'SELECT text FROM note'") == "42\n"

with subtest("the destination keeps what its own policy says"):
    for _ in range(2):
        machine.succeed("systemctl start dump-database-notes", f"systemctl start {COPIES[0]}")
    assert machine.succeed("ls /mnt/copies/web/notes/*.gz | wc -l") == "2\n"
    assert machine.succeed(f"ls {NOTES}/*.gz | wc -l") == "3\n"

with subtest("a round says how old the copies are"):
    machine.succeed(f"systemctl start {COPIES[1]}", "systemctl start dump-database")
    for destination in ("/mnt/copies", "s3://backup/prod"):
        machine.wait_until_succeeds(f"journalctl -o cat -u dump-database | grep 'copied to {destination} '")

with subtest("and fails for a destination that has none"):
    machine.succeed("mv /var/lib/dump-database-copies/copies.json /root/")
    machine.fail("systemctl start dump-database")
    machine.wait_until_succeeds(
        "journalctl -o cat -u dump-database | grep 'never copied to .*never copied to s3://backup/prod'"
    )
    machine.succeed("mv /root/copies.json /var/lib/dump-database-copies/", "systemctl start dump-database")

with subtest("copies are drilled"):
    machine.succeed("systemctl start dump-database-drill-copies-store")
    machine.wait_until_succeeds(
        "test $(journalctl -o cat -u dump-database-drill-copies-store | grep -c 'restored in') = 2"
    )
    machine.fail("find /var/cache/dump-database-drill-copies-store/ -mindepth 1 | grep .")

with subtest("what copies sees dumps, and no database and no secret of others"):
    shell = machine.succeed("readlink -f $(command -v bash)").strip()
    machine.succeed(
        f"mkdir -p {DROP_IN}",
        f"printf %s '{PROBE.format(shell)}' >{DROP_IN}/probe.conf",
        "systemctl daemon-reload",
    )
    exit_status = machine.execute("systemctl start dump-database-copy-store")[0]
    said = machine.succeed("journalctl --sync; journalctl -o cat -u dump-database-copy-store | grep '^it ' | tail -1")
    assert exit_status == 0 and said == "it sees dumps alone\n", said
    machine.succeed(f"rm -r {DROP_IN}", "systemctl daemon-reload")

with subtest("no secret is told"):
    machine.fail("journalctl -u 'dump-database*' -o verbose | grep correct-horse")
