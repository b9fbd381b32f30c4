"""An error from every system call: the run fails and says why, or truthfully succeeds."""

import errno
import os
import re

import postgresql
import scenes
import strace
from campaign import Campaign, Loss
from order import is_publication, is_sync_of_directory
from strace import Place

ERRORS = ("EIO", "ENOSPC", "EDQUOT", "EINTR", "EMFILE")
# From that call on, where it changes something: a disk that is full stays full.
LASTING = ("ENOSPC+",)
# Of a call that changes nothing.
READING = ("EIO", "EINTR", "EMFILE")
# Where the calls of every thread are counted: what changes something, and what reads back.
THREADED = f"{strace.CHANGES},pread64"
# Its failure is a lack of memory, and that of the calls after it cannot be seen by a program.
LEFT_OUT = ("mmap", "execve", "close")
# Of a dump, of a restored file.
SYNC = re.compile(r"fsync\([^)]*(\.tmp|\.restoring-\d+)>\)")
OUTPUT = re.compile(r"write\([12]<")
# A path as it was given.
GIVEN = (
    "a dump in (dump|saved):|target.db was not restored: |cannot (reach|read) shop.db: "
    "|cannot write the metrics metrics.prom: |cannot (start|read from|write to) (cat|pg_dump|psql):"
)
# What it makes of a failing lock, and of a file that it then opens for reading alone.
SQLITE_AT = {
    "fcntl": "|database is locked|locking protocol",
    "openat": "|attempt to write a readonly database",
    "openat2": "|attempt to write a readonly database",
    "newfstatat": "|attempt to write a readonly database",
    # Its log then stays, whether another program has it or not.
    "fsync": "|is in use by another program, or .* cannot be removed",
    "pwrite64": "|is in use by another program, or .* cannot be removed",
}
# What SQLite removes without a word where that fails.
SIDE = re.compile(r"-(wal|shm|journal)\b")
# How SQLite says any of them, and what it says of some.
SQLITE = "disk I/O error|unable to open database file"
SQLITE_OF = {
    # Of a page that cannot be read it says that the database is malformed.
    "EIO": "|database disk image is malformed",
    "ENOSPC": "|database or disk is full",
    "EDQUOT": "|database or disk is full",
    "EINTR": "|database is locked",
    "EMFILE": "",
}


class Failed:
    """A run one of whose calls fails."""

    def __init__(self, attacked: scenes.Attacked, threads: bool, tried: strace.Tried) -> None:
        self.attacked = attacked
        self.threads = threads
        self.tried = tried

    def suffer(self, place: Place) -> None:
        """Lets the call fail."""
        self.attacked.reset()
        scene = self.attacked
        ended, struck = strace.faulty(scene.command, scene.root, place, self.threads, scene.alone)
        if not struck:
            self.tried.missed.add(place)
        if ended.status not in (0, 1):
            raise Loss(f"it neither succeeded nor failed: {ended.ended()}")
        if ended.status == 1 and not self.says_why(ended.stderr, place):
            raise Loss(f"it does not name path and cause: {ended.ended()}")
        if ended.status == 0 and place.must_last and place.fault != "error=EINTR":
            raise Loss("it said ok, and what it published may not be on the disk")
        self.attacked.judge(ended)
        self.attacked.go_on()

    def says_why(self, stderr: str, place: Place) -> bool:
        """Whether the message names a path of the test's own and the cause."""
        # It could not say anything.
        if place.call == "write" and (place.onwards and not stderr or OUTPUT.match(place.shown)):
            return True
        # It may have been another program's, which says it in its own words.
        if self.threads:
            return "error: " in stderr
        error = place.fault.removeprefix("error=")
        said = f"{os.strerror(getattr(errno, error))}|{SQLITE}{SQLITE_OF[error]}{SQLITE_AT.get(place.call, '')}"
        if SIDE.search(place.shown):
            said += "|cannot be removed"
        path = f"{re.escape(str(self.attacked.root))}|{GIVEN}"
        return re.search(said, stderr) is not None and re.search(path, stderr) is not None


def attack(campaign: Campaign) -> None:
    """The table's lines."""
    with postgresql.server(campaign) as server:
        postgresql.fill(server)
        for name, make in scenes.all_of(campaign, server).items():
            for threads in (True,) if scenes.is_threaded(name) else (False, True):
                with campaign.surviving(f"an error: {name}"):
                    one(campaign, name, make, threads)


def one(campaign: Campaign, name: str, make: scenes.Make, threads: bool) -> None:
    """One line: of the main thread, or of all."""
    scene = make(campaign.directory())
    scene.reset()
    which = strace.FILES if campaign.everything else strace.CHANGES
    which = THREADED if threads else which
    beginning = f"{scene.root}/"
    found = strace.calls(scene.command, scene.root, which, threads, beginning, scene.alone)
    if threads:
        places = threaded(campaign, name, found)
        note = f"some calls of any thread: one of {', '.join(ERRORS)}"
    else:
        places = main_thread(campaign, name, found)
        note = f"every call that changes something: {', '.join(ERRORS + LASTING)}"
        reading = f"; every other one on files: one of {', '.join(READING)}"
        note += reading if campaign.everything else ", one of them each"
    sampled = scenes.is_sampled(name)
    note = f"a part of {note}" if sampled else note
    tried = strace.Tried(places, note, steady=not (threads or sampled))
    campaign.each(
        f"an error: {name}",
        lambda directory: Failed(make(directory), threads, tried),
        places,
        tried.note,
        tried.count,
    )


def main_thread(campaign: Campaign, name: str, found: list[Place]) -> list[Place]:
    """Every call in every way, or a part."""
    found = [place._replace(must_last=must_last(found, at)) for at, place in enumerate(found)]
    syncs = [place for place in found if place.must_last]
    sampled = scenes.is_sampled(name)
    some = campaign.part(found, scenes.some_of(name), sampled)
    found = some + [place for place in syncs if place not in some]
    places = []
    for at, place in enumerate(found, campaign.seed):
        if place.call in LEFT_OUT + strace.WAITING:
            continue
        lasting = () if OUTPUT.match(place.shown) else LASTING
        changes = place.call in strace.CHANGES.split(",")
        ways = ERRORS + lasting if changes else READING
        # Each call that changes nothing fails in one way, the next one in the next.
        every = not sampled and (place in syncs or changes and campaign.everything)
        places += [way_of(place, way) for way in (ways if every else [ways[at % len(ways)]])]
    return places


def threaded(campaign: Campaign, name: str, found: list[Place]) -> list[Place]:
    """Each in one way, the next one in the next; only a part of the many reads."""
    reads = [place for place in found if place.call == "pread64"]
    others = [place for place in found if place.call != "pread64"]
    count = scenes.some_of(name) // 4
    some = campaign.part(others, count, scenes.is_sampled(name)) + reads[:: max(1, len(reads) // count)]
    return [way_of(place, ERRORS[at % len(ERRORS)]) for at, place in enumerate(some, campaign.seed)]


def must_last(calls: list[Place], at: int) -> bool:
    """A sync of what is published: a file's, or the next one of a directory after it was named."""
    if SYNC.match(calls[at].shown):
        return True
    before = [call for call in calls[:at] if is_publication(call) or is_sync_of_directory(call)]
    return is_sync_of_directory(calls[at]) and bool(before) and is_publication(before[-1])


def way_of(place: Place, way: str) -> Place:
    """The call, failing in a way."""
    error, plus, _ = way.partition("+")
    return place._replace(fault=f"error={error}", onwards=plus)
