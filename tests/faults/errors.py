"""An error from every system call: the run fails and says why, or truthfully succeeds."""

import errno
import os
import re

import postgresql
import scenes
import strace
from campaign import Campaign, Loss
from strace import Place

ERRORS = ("EIO", "ENOSPC", "EDQUOT", "EINTR", "EMFILE")
# From that call on, where it changes something: a disk that is full stays full.
LASTING = ("ENOSPC+",)
# Of a call that changes nothing.
READING = ("EIO", "EINTR", "EMFILE")
# Its failure is a lack of memory, and that of the calls after it cannot be seen by a program.
LEFT_OUT = ("mmap", "execve", "close")
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
        ended = strace.faulty(self.attacked.command, self.attacked.root, place)
        if ended.status < 0:
            raise Loss(f"it died: {ended.ended()}")
        if ended.status > 0 and not says_why(ended.stderr, place, str(self.attacked.root)):
            raise Loss(f"it does not name path and cause: {ended.ended()}")
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
            one(campaign, name, make)


def one(campaign: Campaign, name: str, make: scenes.Make) -> None:
    """One line."""
    scene = make(campaign.directory())
    scene.reset()
    which = strace.FILES if campaign.everything else strace.CHANGES
    found = strace.calls(scene.command, scene.root, which, beginning=f"{scene.root}/")
    found = campaign.part(found, scenes.some_of(name))
    places = []
    for at, place in enumerate(found, campaign.seed):
        if place.call in LEFT_OUT:
            continue
        lasting = () if OUTPUT.match(place.shown) else LASTING
        changes = place.call in strace.CHANGES.split(",")
        ways = ERRORS + lasting if changes else READING
        # Each call that changes nothing fails in one way, the next one in the next.
        some = ways if changes and campaign.everything else [ways[at % len(ways)]]
        places += [way_of(place, way) for way in some]
    changing = f"every call that changes something: {', '.join(ERRORS + LASTING)}"
    reading = f"; every other one on files: one of {', '.join(READING)}"
    campaign.each(
        f"an error: {name}",
        lambda directory: Failed(make(directory)),
        places,
        changing + reading if campaign.everything else f"{changing}, one of them each",
    )


def way_of(place: Place, way: str) -> Place:
    """The call, failing in a way."""
    error, plus, _ = way.partition("+")
    return place._replace(fault=f"error={error}", onwards=plus)
