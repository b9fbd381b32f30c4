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
# Its failure is a lack of memory, and that of the calls after it cannot be seen by a program.
LEFT_OUT = ("mmap", "execve", "close")
# Of a dump, of a restored file.
SYNC = re.compile(r"fsync\([^)]*(\.tmp|\.restoring-\d+)>\)")
OUTPUT = re.compile(r"write\([12]<")
# How SQLite says it, and a program that only sees that something failed. Of an EIO while reading
# SQLite says that the database is malformed.
CAUSES = (
    "disk I/O error|database disk image is malformed|unable to open database file|database or disk is full|database is locked"
    "|Interrupted|interrupted|locking protocol|out of memory|attempt to write a readonly database|cannot be removed"
)


class Failed:
    """A run one of whose calls fails."""

    def __init__(self, attacked: scenes.Attacked) -> None:
        self.attacked = attacked

    def suffer(self, place: Place) -> None:
        """Lets the call fail."""
        self.attacked.reset()
        scene = self.attacked
        ended = strace.faulty(scene.command, scene.root, place, alone=scene.alone)
        if ended.status < 0:
            raise Loss(f"it died: {ended.ended()}")
        if ended.status > 0 and not says_why(ended.stderr, place, str(self.attacked.root)):
            raise Loss(f"it does not name path and cause: {ended.ended()}")
        if ended.status == 0 and place.must_last and place.fault != "error=EINTR":
            raise Loss("it said ok, and what it published may not be on the disk")
        self.attacked.judge(ended)
        self.attacked.go_on()


def says_why(stderr: str, place: Place, root: str) -> bool:
    """Whether the message names a path and the cause."""
    # It could not say anything.
    if place.call == "write" and (place.onwards and not stderr or OUTPUT.match(place.shown)):
        return True
    number = getattr(errno, place.fault.removeprefix("error="))
    cause = re.search(f"{re.escape(os.strerror(number))}|{CAUSES}", stderr)
    path = root in stderr or re.search(r"\S+\.db|/\S+|shop", stderr)
    return cause is not None and path is not None


def attack(campaign: Campaign) -> None:
    """The table's lines."""
    with postgresql.server(campaign) as server:
        postgresql.fill(server)
        for name, make in scenes.all_of(campaign, server).items():
            with campaign.surviving(f"an error: {name}"):
                one(campaign, name, make)


def one(campaign: Campaign, name: str, make: scenes.Make) -> None:
    """One line."""
    scene = make(campaign.directory())
    scene.reset()
    which = strace.FILES if campaign.everything else strace.CHANGES
    beginning = f"{scene.root}/"
    found = strace.calls(scene.command, scene.root, which, beginning=beginning, alone=scene.alone)
    found = [place._replace(must_last=must_last(found, at)) for at, place in enumerate(found)]
    syncs = [place for place in found if place.must_last]
    some = campaign.part(found, scenes.some_of(name))
    found = some + [place for place in syncs if place not in some]
    places = []
    for at, place in enumerate(found, campaign.seed):
        if place.call in LEFT_OUT:
            continue
        lasting = () if OUTPUT.match(place.shown) else LASTING
        changes = place.call in strace.CHANGES.split(",")
        ways = ERRORS + lasting if changes else READING
        # Each call that changes nothing fails in one way, the next one in the next.
        every = place in syncs or changes and campaign.everything
        places += [way_of(place, way) for way in (ways if every else [ways[at % len(ways)]])]
    changing = f"every call that changes something: {', '.join(ERRORS + LASTING)}"
    reading = f"; every other one on files: one of {', '.join(READING)}"
    campaign.each(
        f"an error: {name}",
        lambda directory: Failed(make(directory)),
        places,
        changing + reading if campaign.everything else f"{changing}, one of them each",
    )


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
