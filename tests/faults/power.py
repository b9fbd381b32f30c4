"""Power loss: a virtual machine that dumps and restores without end, killed at random moments."""

import contextlib
import io
import pathlib
import random
import re
import subprocess
import sys
import time

from campaign import Campaign, Loss

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "systemd"))
import vm  # noqa: E402

SYSTEMD = pathlib.Path(__file__).resolve().parent.parent / "systemd"
CRASHES = 30
KEPT = 5
# The seconds that an emulated processor on a busy machine may need to boot, or to dump and restore.
PATIENCE = 600

# Each dump is reported on the serial console, which is a file outside the machine.
LOOP = r"""
cd /srv
n=$(sqlite3 shop.db 'SELECT max(n) FROM note')
while :; do
  n=$((n + 1))
  sqlite3 shop.db "INSERT INTO note VALUES ($n, hex(randomblob(100000))); DELETE FROM note WHERE n <= $n - 10"
  dump=$(dump-database dump shop.db 2>>log) && echo "dumped ${dump##*/}." >/dev/ttyS0
  dump-database restore "$dump" copy.db --replace --to saved 2>>log &&
    echo "restored $n." >/dev/ttyS0
done
"""
PREPARE = r"""
cd /srv
sqlite3 shop.db 'PRAGMA journal_mode = WAL; CREATE TABLE note (n INTEGER PRIMARY KEY, data TEXT);
  WITH RECURSIVE i (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM i WHERE n < 10)
  INSERT INTO note SELECT n, hex(randomblob(100000)) FROM i'
for _ in 1 2 3 4 5; do dump-database dump shop.db; done
dump-database restore dump copy.db
echo foreign >dump/notes.txt
sync
"""
# The checks after a crash and the next ordinary run.
CHECK = r"""
cd /srv
dump-database verify dump
[ ! -d saved ] || dump-database verify saved
test "$(cat dump/notes.txt)" = foreign
rm -f look.db*; cp copy.db look.db; [ ! -e copy.db-wal ] || cp copy.db-wal look.db-wal
test "$(sqlite3 look.db 'PRAGMA integrity_check; SELECT count(*) FROM note')" = "$(printf 'ok\n10')"
test "$(sqlite3 shop.db 'PRAGMA integrity_check')" = ok
"""
AGAIN = r"""
cd /srv
dump-database dump shop.db
dump-database verify dump
test "$(ls dump/*.gz | wc -l)" = 5
test -z "$(find dump -name '*.tmp')"
dump-database restore dump copy.db --replace --to saved
test -z "$(find . -maxdepth 1 -name '*.restoring-*')"
sync
"""


def attack(campaign: Campaign) -> None:
    """Adds the line of this attack to the table. Without --all it adds none, because an emulated machine is slow."""
    if not campaign.everything:
        return
    campaign.try_attack(f"power loss, {CRASHES} times", CRASHES, lambda: crashes(campaign))


def crashes(campaign: Campaign) -> str:
    """Kills the machine several times, each time at a moment that the seed picks, with one disk."""
    rng = random.Random(campaign.seed)
    vm.BOOT_TIMEOUT = PATIENCE
    dumped = restored = 0
    # The command line of the machine fills pages.
    with (
        contextlib.redirect_stdout(io.StringIO()),
        vm.booted(image(), campaign.program) as machine,
    ):
        machine.succeed(PREPARE)
        console = machine.console
        for crash in range(1, CRASHES + 1):
            machine.succeed(f"cat >/root/loop <<'END'\n{LOOP}\nEND")
            machine.succeed("setsid sh /root/loop >/dev/null 2>&1 </dev/null & true")
            wait_for("restored ", console)
            moment = rng.uniform(0, 10)
            time.sleep(moment)
            machine.crash()
            said = console.read_text(errors="replace")
            acknowledged = re.findall(r"dumped (\S+)\.\r?\n", said)
            print(f"power loss {crash}, after {moment:.2f} s", file=sys.stderr, flush=True)
            dumped += len(acknowledged)
            restored += said.count("restored ")
            boot(machine)
            try:
                survives(machine, acknowledged)
            except (AssertionError, Loss) as lost:
                raise Loss(f"crash {crash}, {moment:.2f} s after the first restore: {lost}") from lost
    if dumped < CRASHES or restored < CRASHES:
        raise Loss(f"only {dumped} dumps and {restored} restores were made")
    return f"{dumped} dumps and {restored} restores were made meanwhile"


def image() -> pathlib.Path:
    """Returns the files of the machine, and makes those that are missing."""
    made = subprocess.run([SYSTEMD / "image"], capture_output=True, text=True)
    if made.returncode != 0:
        raise Loss(f"the machine's image cannot be made: {made.stderr[-3000:]}")
    return pathlib.Path(made.stdout.strip())


def wait_for(said: str, console: pathlib.Path) -> None:
    """Waits until the machine prints a text on its console."""
    deadline = time.monotonic() + PATIENCE
    while said not in console.read_text(errors="replace"):
        if time.monotonic() > deadline:
            raise Loss(f"in {PATIENCE} s it never said {said!r}")
        time.sleep(0.05)


def boot(machine: vm.VirtualMachine) -> None:
    """Starts the machine again. On a busy machine, the emulator may need long, or a second attempt."""
    for attempt in (1, 2):
        try:
            return machine.start()
        except (OSError, AssertionError) as error:
            console = machine.console.read_text(errors="replace")[-3000:]
            print(f"boot {attempt} failed: {error}\n{console}", file=sys.stderr, flush=True)
            machine.crash()
    raise Loss("it boots no more")


def survives(machine: vm.VirtualMachine, acknowledged: list[str]) -> None:
    """Checks the guarantees after the next boot."""
    there = set(machine.succeed("cd /srv/dump && ls").split())
    # The interrupted run may have removed the oldest dump.
    missing = set(acknowledged[1 - KEPT :]) - there
    if missing:
        raise Loss(f"dumps that were said to be there are not: {sorted(missing)}")
    if not KEPT <= sum(name.endswith(".gz") for name in there) <= KEPT + 1:
        raise Loss(f"there are {sorted(there)}")
    machine.succeed(CHECK)
    machine.succeed(AGAIN)
