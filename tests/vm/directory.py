AS_OWNER = "runuser -u dump-database --"
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
    machine.succeed("mountpoint /mnt/backup", "ls /mnt/backup/dumps/notes/*.gz")

with subtest("its directory is the user's alone"):
    assert machine.succeed("stat -c '%U %a' /mnt/backup/dumps/notes") == "dump-database 700\n"

with subtest("the dumps of a dynamic user are there too, and nobody else's to read"):
    machine.succeed("systemctl start dump-database-keeper", "ls /mnt/backup/dumps/private/keeper/*.gz")
    machine.fail("runuser -u nobody -- cat /mnt/backup/dumps/private/keeper/*.gz")
    machine.fail(f"{AS_OWNER} cat /mnt/backup/dumps/private/keeper/*.gz")
    machine.succeed("dump-database verify /mnt/backup/dumps/private/keeper /mnt/backup/dumps/notes")

with subtest("each is drilled where it is"):
    machine.succeed("systemctl start dump-database-drill-notes dump-database-drill-keeper")
    for name in ("notes", "keeper"):
        machine.succeed(f"journalctl -o cat -u dump-database-drill-{name} | grep 'restored in'")
