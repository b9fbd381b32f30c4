"""SIGKILL at every system call."""

import postgresql
import scenes
import strace
from campaign import Campaign, Loss
from strace import Place

# The scenes in which the calls of every thread are counted, too.
THREADED = ("dump, SQLite, WAL", "dump, a command", "restore --replace, SQLite, live WAL")


class Killed:
    """A run that is killed at a system call."""

    def __init__(self, attacked: scenes.Attacked, threads: bool, tried: strace.Tried) -> None:
        self.attacked = attacked
        self.threads = threads
        self.tried = tried

    def suffer(self, place: Place) -> None:
        """Kills a run at this call."""
        self.attacked.reset()
        scene = self.attacked
        ended, struck = strace.faulty(scene.command, scene.root, place, self.threads, scene.alone)
        if not struck:
            self.tried.missed.add(place)
        # With threads, the killed process may be the child.
        elif ended.status != -9 and not self.threads:
            raise Loss(f"it was not killed: {ended.ended()}")
        self.attacked.judge(ended)
        self.attacked.go_on()


def attack(campaign: Campaign) -> None:
    """Adds the lines of this attack to the table."""
    with postgresql.server(campaign) as server:
        postgresql.fill(server)
        for name, make in scenes.all_of(campaign, server).items():
            for threads in threads_of(name):
                with campaign.surviving(f"SIGKILL: {name}"):
                    try_scene(campaign, name, make, threads)


def threads_of(name: str) -> tuple[bool, ...]:
    """Returns, for each pass, whether the calls of every thread are counted or only those of the main thread."""
    if scenes.is_threaded(name):
        return (True,)
    return (False, True) if name in THREADED else (False,)


def try_scene(campaign: Campaign, name: str, make: scenes.Make, threads: bool) -> None:
    """Adds one line: a run is killed at every call, from the first one that names a file of the test."""
    scene = make(campaign.directory())
    scene.reset()
    every = campaign.everything and not threads
    which = strace.FILES if every else strace.CHANGES
    beginning = "" if threads else f"{scene.root}/"
    found = strace.calls(scene.command, scene.root, which, threads, beginning, scene.alone)
    if not any(place.call.startswith("rename") for place in found):
        raise Loss(f"strace saw no publication by {name}")
    found = [place for place in found if place.call not in strace.WAITING]
    kinds = "every call on files" if every else "every call that changes something"
    thread = "any thread" if threads else "the main thread"
    sampled = scenes.is_sampled(name)
    places = campaign.part(found, scenes.some_of(name), sampled)
    kinds = f"a part of {kinds}" if sampled else kinds
    tried = strace.Tried(places, f"{kinds}, {thread}", steady=not (threads or sampled))
    campaign.try_places(
        f"SIGKILL: {name}",
        lambda directory: Killed(make(directory), threads, tried),
        places,
        tried.note,
        tried.count,
    )
