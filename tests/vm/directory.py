AS_OWNER = "runuser -u dump-database --"
DUMPS = "'/mnt/backup/my 50% $dumps'"
FSTAB = "none /mnt/backup tmpfs noauto 0 0"

machine.wait_for_unit("multi-user.target")
machine.succeed("systemctl stop dump-database.timer")
machine.succeed(
    # NixOS has it from its fileSystems.
    f"grep /mnt/backup /etc/fstab || (echo '{FSTAB}' >> /etc/fstab && systemctl daemon-reload)",
    "install -d -o dump-database -g dump-database -m 700 /srv/notes",
    f"{AS_OWNER} sqlite3 /srv/notes/notes.db 'CREATE TABLE note (text)'",
    "systemctl start keeper",
)
machine.wait_until_succeeds("test -s /var/lib/keeper/keeper.db")

with subtest("nothing is dumped while the file system is not mounted"):
    machine.succeed("mkdir -p /mnt/backup", "systemctl mask --runtime mnt-backup.mount")
    machine.fail("systemctl start dump-database-notes")
    machine.fail("systemctl start dump-database-keeper")
    machine.fail("find /mnt/backup -mindepth 1 | grep .")
    machine.succeed("systemctl unmask --runtime mnt-backup.mount")

with subtest("a dump mounts it"):
    machine.succeed("systemctl start dump-database-notes")
    machine.succeed("mountpoint /mnt/backup", f"ls {DUMPS}/notes/*.gz")

with subtest("its directory is the user's alone"):
    assert machine.succeed(f"stat -c '%U %a' {DUMPS}/notes") == "dump-database 700\n"

with subtest("the dumps of a dynamic user are there too, and nobody else's to read"):
    machine.succeed("systemctl start dump-database-keeper", f"ls {DUMPS}/private/keeper/*.gz")
    machine.fail(f"runuser -u nobody -- cat {DUMPS}/private/keeper/*.gz")
    machine.fail(f"{AS_OWNER} cat {DUMPS}/private/keeper/*.gz")
    machine.succeed(f"dump-database verify {DUMPS}/private/keeper {DUMPS}/notes")

with subtest("each is drilled where it is"):
    machine.succeed("systemctl start dump-database-drill-notes dump-database-drill-keeper")
    for name in ("notes", "keeper"):
        machine.wait_until_succeeds(f"journalctl -o cat -u dump-database-drill-{name} | grep 'restored in'")

with subtest("each is copied from where it is"):
    machine.succeed("systemctl start dump-database-copy-disk")
    for name in ("notes", "keeper"):
        machine.succeed(f"ls '/mnt/my 50% $copies/web/{name}/'*.gz")
    # A round finds the record of each.
    machine.succeed("systemctl start dump-database")
