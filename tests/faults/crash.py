"""SIGKILL at every system call of a dump."""

import pathlib
from collections.abc import Callable

import postgresql
import strace
from campaign import Campaign, Loss
from dumping import Command, Dumping, Source, Sqlite
from postgresql import Postgresql
from strace import Place

SOURCES: dict[str, Callable[[pathlib.Path], Source]] = {
    "SQLite, WAL": lambda at: Sqlite(at, "WAL", unfinished=False),
    "SQLite, WAL of a killed program": lambda at: Sqlite(at, "WAL", unfinished=True),
    "SQLite, rollback journal": lambda at: Sqlite(at, "DELETE", unfinished=False),
    "a command": Command,
}


class Crash:
    """A dump killed at a call."""

    def __init__(self, dumping: Dumping, threads: bool) -> None:
        self.dumping = dumping
        self.threads = threads

    def suffer(self, place: Place) -> None:
        """Kills a run there."""
        scene = self.dumping
        scene.reset()
        ended = strace.faulty(scene.command, scene.root, place, self.threads)
        # With threads the count differs from run to run, and the one killed may be the child.
        if ended.status != -9 and not self.threads:
            raise Loss(f"it was not killed: {ended.ended()}")
        scene.judge(ended)
        scene.go_on()


def places(campaign: Campaign, scene: Dumping, threads: bool) -> list[Place]:
    """Every call from the first on the test's own files, in their order."""
    which = strace.EVERY if campaign.everything and not threads else strace.CHANGES
    beginning = "" if threads else str(scene.root)
    scene.reset()
    return strace.calls(scene.command, scene.root, which, threads, beginning)


def attack(campaign: Campaign) -> None:
    """The table's lines."""
    for name, source in SOURCES.items():
        of_source(campaign, name, source, threads=False)
    for name in ("SQLite, WAL", "a command"):
        of_source(campaign, name, SOURCES[name], threads=True)
    with postgresql.server(campaign) as server:
        postgresql.fill(server)
        of_source(campaign, "PostgreSQL", lambda at: Postgresql(at, server), threads=False)


def of_source(
    campaign: Campaign, name: str, source: Callable[[pathlib.Path], Source], threads: bool
) -> None:
    """One line."""

    def make(directory: pathlib.Path) -> Dumping:
        return Dumping(campaign.program, source(directory))

    found = places(campaign, make(campaign.directory()), threads)
    if not any(place.call.startswith("rename") for place in found):
        raise Loss(f"strace saw no publication of {name}")
    kinds = "every call" if campaign.everything and not threads else "every call that changes something"
    which = "any thread" if threads else "the main thread"
    campaign.each(
        f"SIGKILL, dump of {name}",
        lambda directory: Crash(make(directory), threads),
        found,
        f"{kinds} of {which}",
    )
