"""Faults at system calls, by strace: the calls of a run, and a run with a fault at one of them.

strace counts the calls of each thread and kind from 1. Without `-f` it sees the main thread alone,
the one that makes every call on the dump directory, and what it counts is nearly always the same.
"""

import pathlib
import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from campaign import Loss
from program import Run, Word, run

# The system calls that take a path or a descriptor.
FILES = "%file,%desc"
# The calls of these that wait for another process or ask a terminal. Their number differs from run to run.
WAITING = ("poll", "ppoll", "select", "pselect6", "epoll_wait", "epoll_pwait", "ioctl")
# The calls that change something on a disk, or lock it.
CHANGES = (
    "open,openat,openat2,creat,write,pwrite64,writev,ftruncate,fallocate,fsync,fdatasync,fchmod,fchown,"
    "flock,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,unlink,unlinkat"
)


class Tried:
    """Those of a line's places that the runs with a fault came to again.

    What other threads and programs do differs a little from run to run.
    """

    def __init__(self, places: Sequence[object], note: str, steady: bool = True) -> None:
        self.places = len(places)
        self.allowed = max(1, self.places // (10 if steady else 2))
        self.said = note
        self.missed: set[object] = set()

    def count(self, place: object) -> int:
        """Returns 1 if the fault struck at this place, else 0."""
        return int(place not in self.missed)

    def note(self) -> str:
        """Returns the note for the table. Raises Loss if the faults struck too rarely to prove anything."""
        missed = len(self.missed)
        if missed > self.allowed:
            shown = "; ".join(str(place)[:150] for place in list(self.missed)[:3])
            raise Loss(f"{missed} of {self.places} calls were not reached again: {shown}")
        return self.said + (f"; {missed} more were not reached again" if missed else "")


class Place(NamedTuple):
    """The `nth` call of a kind, and what the call was in a run without a fault."""

    call: str
    nth: int
    shown: str = ""
    fault: str = "signal=KILL"
    # The result of the call in that run.
    result: int = 0
    # True if a published file may be lost without this call.
    must_last: bool = False
    # A plus if the fault lasts from this call on.
    onwards: str = ""

    def __str__(self) -> str:
        return f"{self.fault} at {self.call} {self.nth}{self.onwards}: {self.shown}"


def calls(
    command: Sequence[Word],
    directory: pathlib.Path,
    which: str,
    threads: bool = False,
    beginning: str = "",
    alone: bool = False,
) -> list[Place]:
    """The calls of a run, in their order, from the first that names `beginning`.

    With `threads`, the nth call of a kind is that of whichever thread comes to n first.
    """
    log = directory / "strace.log"
    options = ["-f"] if threads else []
    wanted = ["-e", f"trace={which}"]
    traced = run(["strace", "-o", log, "-y", "-s", "120", *options, *wanted, *command], directory, alone=alone)
    traced.succeeds("without a fault")
    counts: Counter[tuple[str, str]] = Counter()
    found: dict[tuple[str, int], Place] = {}
    begun = False
    # With these numbers, a fault would also strike earlier calls of a thread.
    early: set[tuple[str, int]] = set()
    for line in log.read_text(errors="replace").splitlines():
        thread, _, text = line.partition(" ") if threads else ("", "", line)
        made = re.match(r"(\w+)\(", text.strip())
        if made is None:
            continue
        # The call that starts the program names its arguments.
        begun = begun or (beginning in text and made[1] != "execve")
        counts[thread, made[1]] += 1
        nth = counts[thread, made[1]]
        if not begun:
            early.add((made[1], nth))
        elif not threads or (made[1], nth) not in early:
            result = re.search(r" = (\d+)$", text.strip())
            place = Place(made[1], nth, text.strip()[:600])
            if result is not None:
                place = place._replace(result=int(result[1]))
            found.setdefault((made[1], nth), place)
    log.unlink()
    if not found:
        raise Loss(f"strace saw no call: {traced.stderr}")
    return list(found.values())


def faulty(
    command: Sequence[Word],
    directory: pathlib.Path,
    place: Place,
    threads: bool = False,
    alone: bool = False,
) -> tuple[Run, bool]:
    """Runs the program with a fault at one call. Returns the run, and whether the fault struck."""
    log = directory / "strace.log"
    options = ["-f"] if threads else []
    inject = f"inject={place.call}:{place.fault}:when={place.nth}{place.onwards}"
    what = ["-e", f"trace={place.call}", "-e", inject]
    faulty = ["strace", "-o", log, *options, *what, *command]
    ended = run(faulty, directory, alone=alone)
    traced = log.read_text(errors="replace")
    log.unlink()
    return ended, "(INJECTED)" in traced or "+++ killed by SIGKILL +++" in traced
