"""SIGKILL at every system call."""

import postgresql
import scenes
import strace
from campaign import Campaign, Loss
from strace import Place

# Where the calls of every thread are counted too.
THREADED = ("dump, SQLite, WAL", "dump, a command", "restore --replace, SQLite, live WAL")


class Killed:
    """A run killed at a call."""

    def __init__(self, attacked: scenes.Attacked, threads: bool, missed: list[Place]) -> None:
        self.attacked = attacked
        self.threads = threads
        self.missed = missed

    def suffer(self, place: Place) -> None:
        """Kills a run there."""
        self.attacked.reset()
        scene = self.attacked
        ended = strace.faulty(scene.command, scene.root, place, self.threads, scene.alone)
        # What other threads or programs do differs from run to run, and so how often they are read
        # from; with threads the one killed may be the child.
        if ended.status == 0:
            self.missed.append(place)
        elif ended.status != -9 and not self.threads:
            raise Loss(f"it was not killed: {ended.ended()}")
        self.attacked.judge(ended)
        self.attacked.go_on()


def attack(campaign: Campaign) -> None:
    """The table's lines."""
    with postgresql.server(campaign) as server:
        postgresql.fill(server)
        for name, make in scenes.all_of(campaign, server).items():
            for threads in (False, True) if name in THREADED else (False,):
                with campaign.surviving(f"SIGKILL: {name}"):
                    one(campaign, name, make, threads)


def one(campaign: Campaign, name: str, make: scenes.Make, threads: bool) -> None:
    """One line: every call from the first on the test's own files."""
    scene = make(campaign.directory())
    scene.reset()
    every = campaign.everything and not threads
    which = strace.EVERY if every else strace.CHANGES
    beginning = "" if threads else f"{scene.root}/"
    found = strace.calls(scene.command, scene.root, which, threads, beginning, scene.alone)
    if not any(place.call.startswith("rename") for place in found):
        raise Loss(f"strace saw no publication by {name}")
    kinds = "every call" if every else "every call that changes something"
    thread = "any thread" if threads else "the main thread"
    places = campaign.part(found, scenes.some_of(name))
    missed: list[Place] = []

    def note() -> str:
        if len(missed) > len(places) // 10:
            raise Loss(f"{len(missed)} of {len(places)} calls were not reached again")
        return f"{kinds}, {thread}" + (f"; {len(missed)} not reached" if missed else "")

    campaign.each(
        f"SIGKILL: {name}",
        lambda directory: Killed(make(directory), threads, missed),
        places,
        note,
    )
