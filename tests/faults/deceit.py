"""A kernel that does less than it was asked: short calls, full files, writes that it only claims."""

import pathlib
import platform
import re
import sys

import postgresql
import scenes
import strace
from campaign import Campaign, Loss
from program import run
from strace import Place
from tamper import NOT_REACHED

TAMPER = pathlib.Path(__file__).resolve().parent / "tamper.py"
MOVING = ("read", "pread64", "write", "pwrite64")
# The files that the program itself writes. SQLite writes the others: the old database and its side files.
OWN = re.compile(r"\.dump-database-.*\.tmp>|\.restoring-\d+>")


class Tampered:
    """A run in which one call moves half of the bytes, or moves nothing and claims to have moved all."""

    def __init__(self, attacked: scenes.Attacked, tried: strace.Tried) -> None:
        self.attacked = attacked
        self.tried = tried

    def suffer(self, place: Place) -> None:
        """A short call is no error. After a false claim, no damaged dump may pass as good."""
        self.attacked.reset()
        how = [place.fault, place.call, f"{place.nth}{place.onwards}"]
        command = [sys.executable, TAMPER, *how, *self.attacked.command]
        ended = run(command, self.attacked.root, alone=self.attacked.alone)
        if ended.status == NOT_REACHED:
            self.tried.missed.add(place)
            return
        if place.fault == "half":
            ended.succeeds("a short call is no error")
        if ended.status < 0:
            raise Loss(f"it died: {ended.ended()}")
        self.attacked.judge(ended)
        self.attacked.go_on()


class Limited:
    """A run whose files may not grow beyond a number of bytes (RLIMIT_FSIZE)."""

    def __init__(self, attacked: scenes.Attacked) -> None:
        self.attacked = attacked

    def suffer(self, limit: int) -> None:
        """Checks a run in which the write that reaches the limit is short, and the next write fails."""
        self.attacked.reset()
        scene = self.attacked
        ended = run(scene.command, scene.root, [f"--fsize={limit}"], alone=scene.alone)
        if ended.status > 0 and "File too large" not in ended.stderr and "disk" not in ended.stderr:
            raise Loss(f"it does not name the cause: {ended.ended()}")
        self.attacked.judge(ended)
        self.attacked.go_on()


def attack(campaign: Campaign) -> None:
    """Adds the lines of this attack to the table."""
    with postgresql.server(campaign) as server:
        postgresql.fill(server)
        for name, make in scenes.all_of(campaign, server).items():
            if scenes.is_sampled(name):
                continue
            if platform.machine() == "x86_64":
                with campaign.surviving(f"a short read or write: {name}"):
                    tampering(campaign, name, make)
            else:
                print(f"short calls, {name}: left out, needs x86-64", file=sys.stderr)
            if campaign.everything or "PostgreSQL" not in name:
                limits(campaign, name, make)


def tampering(campaign: Campaign, name: str, make: scenes.Make) -> None:
    """Adds two lines to the table."""
    scene = make(campaign.directory())
    scene.reset()
    beginning, moving = f"{scene.root}/", ",".join(MOVING)
    found = strace.calls(scene.command, scene.root, moving, beginning=beginning, alone=scene.alone)
    short = campaign.part([place._replace(fault="half") for place in found], scenes.some_of(name) // 5)
    first = {place.call: place for place in reversed(found)}
    short += [place._replace(fault="half", onwards="+") for place in first.values()]
    tried = strace.Tried(short, "each of the main thread, then all of a kind; it must succeed")
    campaign.try_places(
        f"a short read or write: {name}",
        lambda directory: Tampered(make(directory), tried),
        short,
        tried.note,
        tried.count,
    )
    own = [place for place in found if place.call.endswith(("write", "write64"))]
    own = [place._replace(fault="lie") for place in own if OWN.search(place.shown)]
    some = campaign.part(own, scenes.some_of(name) // 5)
    some += [place for place in own[-3:] if place not in some]
    lied = strace.Tried(some, "each to a dump or to the new database")
    campaign.try_places(
        f"a write claimed and not done: {name}",
        lambda directory: Tampered(make(directory), lied),
        some,
        lied.note,
        lied.count,
    )


def limits(campaign: Campaign, name: str, make: scenes.Make) -> None:
    """Adds one line to the table."""
    scene = make(campaign.directory())
    scene.reset()
    run(scene.command, scene.root, alone=scene.alone).succeeds("without a limit")
    largest = max(path.stat().st_size for path in scene.root.rglob("*") if path.is_file())
    step = 4096 if campaign.everything else 131_072
    campaign.try_places(
        f"no file over a limit: {name}",
        lambda directory: Limited(make(directory)),
        list(range(campaign.seed % step, largest, step)),
        f"RLIMIT_FSIZE, every {step:,} bytes to {largest:,}, the largest file's length",
    )
