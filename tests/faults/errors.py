"""An error from every system call: the run must fail and say why, or succeed truthfully."""

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
# Errors of calls that change something. With a plus, every later call fails too: a full disk stays full.
LASTING = ("ENOSPC+",)
# Errors of calls that change nothing.
READING = ("EIO", "EINTR", "EMFILE")
# The calls that are counted in every thread: those that change something, and those that read back.
THREADED = f"{strace.CHANGES},pread64"
# Its failure is a lack of memory. A program cannot see whether later calls fail.
LEFT_OUT = ("mmap", "execve", "close")
# The sync of a dump, or of a restored file.
SYNC = re.compile(r"fsync\([^)]*(\.tmp|\.restoring-\d+)>\)")
OUTPUT = re.compile(r"write\([12]<")
# Messages that name a path or a program as the command line gave it.
GIVEN = (
    "a dump in (dump|saved):|target.db was not restored: |cannot (reach|read) shop.db: "
    "|cannot write the metrics metrics.prom: |cannot (start|read from|write to) (cat|pg_dump|psql):"
)
# What SQLite says of a lock that fails, and of a file that it could then open only for reading.
SQLITE_AT = {
    "fcntl": "|database is locked|locking protocol",
    "openat": "|attempt to write a readonly database",
    "openat2": "|attempt to write a readonly database",
    "newfstatat": "|attempt to write a readonly database",
    # The log then stays, whether another program has it open or not.
    "fsync": "|is in use by another program, or .* cannot be removed",
    "pwrite64": "|is in use by another program, or .* cannot be removed",
}
# The files that SQLite removes without reporting a failure.
SIDE = re.compile(r"-(wal|shm|journal)\b")
# The messages of SQLite for any error, and for some errors.
SQLITE = "disk I/O error|unable to open database file"
SQLITE_OF = {
    # If a page cannot be read, SQLite says that the database is malformed.
    "EIO": "|database disk image is malformed",
    "ENOSPC": "|database or disk is full",
    "EDQUOT": "|database or disk is full",
    "EINTR": "|database is locked",
    "EMFILE": "",
}


class Failed:
    """A run in which one call fails."""

    def __init__(self, attacked: scenes.Attacked, threads: bool, tried: strace.Tried) -> None:
        self.attacked = attacked
        self.threads = threads
        self.tried = tried

    def suffer(self, place: Place) -> None:
        """Runs the program and lets the call fail."""
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
        """Returns true if the message names a path of the test and the cause."""
        # The program could not print anything.
        if place.call == "write" and (place.onwards and not stderr or OUTPUT.match(place.shown)):
            return True
        # The call may be of another program, which reports it in its own words.
        if self.threads:
            return "error: " in stderr
        error = place.fault.removeprefix("error=")
        said = f"{os.strerror(getattr(errno, error))}|{SQLITE}{SQLITE_OF[error]}{SQLITE_AT.get(place.call, '')}"
        if SIDE.search(place.shown):
            said += "|cannot be removed"
        path = f"{re.escape(str(self.attacked.root))}|{GIVEN}"
        # It is opened for a program that is to be started, which the message names instead.
        if "/dev/null" in place.shown:
            path += "|cannot start /"
        return re.search(said, stderr) is not None and re.search(path, stderr) is not None


def attack(campaign: Campaign) -> None:
    """Adds the lines of this attack to the table."""
    with postgresql.server(campaign) as server:
        postgresql.fill(server)
        for name, make in scenes.all_of(campaign, server).items():
            for threads in (True,) if scenes.is_threaded(name) else (False, True):
                with campaign.surviving(f"an error: {name}"):
                    try_scene(campaign, name, make, threads)


def try_scene(campaign: Campaign, name: str, make: scenes.Make, threads: bool) -> None:
    """Adds one line: the calls of the main thread, or of every thread."""
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
    campaign.try_places(
        f"an error: {name}",
        lambda directory: Failed(make(directory), threads, tried),
        places,
        tried.note,
        tried.count,
    )


def main_thread(campaign: Campaign, name: str, found: list[Place]) -> list[Place]:
    """Returns every call with every error, or a part of them."""
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
        # Each call that changes nothing fails with one error; the next call fails with the next error.
        every = not sampled and (place in syncs or changes and campaign.everything)
        places += [way_of(place, way) for way in (ways if every else [ways[at % len(ways)]])]
    return places


def threaded(campaign: Campaign, name: str, found: list[Place]) -> list[Place]:
    """Returns each call with one error, the next call with the next error, and only a part of the many reads."""
    reads = [place for place in found if place.call == "pread64"]
    others = [place for place in found if place.call != "pread64"]
    count = scenes.some_of(name) // 4
    some = campaign.part(others, count, scenes.is_sampled(name)) + reads[:: max(1, len(reads) // count)]
    return [way_of(place, ERRORS[at % len(ERRORS)]) for at, place in enumerate(some, campaign.seed)]


def must_last(calls: list[Place], at: int) -> bool:
    """Returns true for the sync of a published file, or for the next sync of its directory."""
    if SYNC.match(calls[at].shown):
        return True
    before = [call for call in calls[:at] if is_publication(call) or is_sync_of_directory(call)]
    return is_sync_of_directory(calls[at]) and bool(before) and is_publication(before[-1])


def way_of(place: Place, way: str) -> Place:
    """Returns the call with the error that it is to return."""
    error, plus, _ = way.partition("+")
    return place._replace(fault=f"error={error}", onwards=plus)
