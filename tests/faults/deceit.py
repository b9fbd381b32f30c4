"""A kernel that does less than it was asked: calls cut short, full files, writes it only claims."""

import pathlib
import platform
import sys

import postgresql
import scenes
import strace
from campaign import Campaign, Loss
from program import run
from strace import Place

SHORTEN = pathlib.Path(__file__).resolve().parent / "shorten.py"
MOVING = ("read", "pread64", "write", "pwrite64")


class Shortened:
    """A run one of whose calls, or each of a kind, moves half of what it was asked to."""

    def __init__(self, attacked: scenes.Attacked) -> None:
        self.attacked = attacked

    def suffer(self, place: Place) -> None:
        """No error, so it must go through."""
        self.attacked.reset()
        short = [sys.executable, SHORTEN, place.call, str(place.nth)]
        ended = run([*short, *self.attacked.command], self.attacked.root)
        self.attacked.judge(ended.succeeds("a short call is no error"))
        self.attacked.go_on()


class Lied:
    """A run one of whose writes the kernel claims to have done and has not."""

    def __init__(self, attacked: scenes.Attacked) -> None:
        self.attacked = attacked

    def suffer(self, place: Place) -> None:
        """Nothing wrong may be called right."""
        self.attacked.reset()
        ended = strace.faulty(self.attacked.command, self.attacked.root, place)
        if ended.status < 0:
            raise Loss(f"it died: {ended.ended()}")
        self.attacked.judge(ended)
        self.attacked.go_on()


class Limited:
    """A run no file of which may grow beyond so many bytes (RLIMIT_FSIZE)."""

    def __init__(self, attacked: scenes.Attacked) -> None:
        self.attacked = attacked

    def suffer(self, limit: int) -> None:
        """The write that reaches the limit is short, the next one fails."""
        self.attacked.reset()
        ended = run(self.attacked.command, self.attacked.root, [f"--fsize={limit}"])
        if ended.status > 0 and "File too large" not in ended.stderr and "disk" not in ended.stderr:
            raise Loss(f"it does not name the cause: {ended.ended()}")
        self.attacked.judge(ended)
        self.attacked.go_on()


def attack(campaign: Campaign) -> None:
    """The table's lines."""
    with postgresql.server(campaign) as server:
        postgresql.fill(server)
        for name, make in scenes.all_of(campaign, server).items():
            scene = make(campaign.directory())
            scene.reset()
            found = strace.calls(
                scene.command, scene.root, ",".join(MOVING), beginning=str(scene.root)
            )
            short(campaign, name, make, found)
            lies(campaign, name, make, found)
            if "dump" in name or campaign.everything:
                limits(campaign, name, make)


def short(campaign: Campaign, name: str, make: scenes.Make, found: list[Place]) -> None:
    """One line."""
    if platform.machine() != "x86_64":
        print(f"a short read or write: {name}: left out, needs x86-64", file=sys.stderr)
        return
    places = campaign.part([place._replace(fault="half") for place in found], 16)
    places += [Place(call, 0, "all of them", "half") for call in MOVING]
    campaign.each(
        f"a short read or write: {name}",
        lambda directory: Shortened(make(directory)),
        places,
        "each call of the main thread, then all of a kind: it succeeds",
    )


def lies(campaign: Campaign, name: str, make: scenes.Make, found: list[Place]) -> None:
    """One line."""
    places = [
        place._replace(fault=f"retval={place.result}")
        for place in found
        if place.call in ("write", "pwrite64") and place.result > 0
    ]
    campaign.each(
        f"a write that was not done: {name}",
        lambda directory: Lied(make(directory)),
        campaign.part(places, 16),
        "each call of the main thread",
    )


def limits(campaign: Campaign, name: str, make: scenes.Make) -> None:
    """One line."""
    step = 4096 if campaign.everything else 131_072
    campaign.each(
        f"no file over a limit: {name}",
        lambda directory: Limited(make(directory)),
        list(range(campaign.seed % step, 2_000_000, step)),
        f"RLIMIT_FSIZE, every {step:,} bytes to 2 MB",
    )
