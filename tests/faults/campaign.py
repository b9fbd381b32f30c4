"""A campaign: attacks, each a list of places where a fault strikes, and the losses that they cause."""

import concurrent.futures
import contextlib
import os
import pathlib
import queue
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol, TypeVar

P = TypeVar("P", contravariant=True)
T = TypeVar("T")


class Loss(Exception):
    """A guarantee did not hold."""


def describe_loss(error: Exception) -> str:
    """Describes a loss. Any other error counts as a loss too; its description also says where it was raised."""
    if isinstance(error, Loss):
        return str(error)
    at = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{pathlib.Path(at.filename).name}:{at.lineno}"
    return f"the campaign itself failed at {where}: {type(error).__name__}: {error}"


class Row(NamedTuple):
    """A line of the table."""

    fault: str
    tried: int
    survived: int
    note: str
    seconds: float


class Scene(Protocol[P]):
    """A separate directory in which faults are tried one after the other."""

    def suffer(self, place: P) -> None:
        """Lets the fault strike at this place. Raises Loss if a guarantee does not hold."""


class Campaign:
    """The attacked program, the extent of the campaign, and its results."""

    def __init__(
        self, program: pathlib.Path, everything: bool, seed: int, scene: str = ""
    ) -> None:
        self.program = program.resolve()
        self.everything = everything
        self.seed = seed
        # Only scenes that have this text in their name are attacked.
        self.scene = scene
        self.workers = os.cpu_count() or 1
        self.rows: list[Row] = []
        # Thousands of directories are made and removed, so they are in memory if the system has a place for that.
        memory = pathlib.Path("/dev/shm")
        self.root = pathlib.Path(
            tempfile.mkdtemp(prefix="faults-", dir=memory if memory.is_dir() else None)
        )
        # Servers that run as another user must be able to enter it.
        self.root.chmod(0o755)

    def close(self) -> None:
        """Removes all directories of the campaign."""
        shutil.rmtree(self.root, ignore_errors=True)

    def directory(self) -> pathlib.Path:
        """Makes a new directory."""
        path = pathlib.Path(tempfile.mkdtemp(dir=self.root))
        path.chmod(0o755)
        return path

    def part(self, places: Sequence[T], count: int, always: bool = False) -> list[T]:
        """Returns about `count` of the places, evenly spread from a start that the seed picks; with --all, every place."""
        step = 1 if self.everything and not always else max(1, -(-len(places) // count))
        return list(places[self.seed % step :: step])

    def try_places(
        self,
        fault: str,
        make: Callable[[pathlib.Path], Scene[P]],
        places: Sequence[P],
        note: str | Callable[[], str] = "",
        count: Callable[[P], int] = lambda place: 1,
    ) -> None:
        """Tries every place, in one scene for each core at the same time.

        What `count` says of a place is asked when it was tried.
        """
        began = time.monotonic()
        scenes: queue.Queue[Scene[P]] = queue.Queue()
        directories = [self.directory() for _ in range(min(self.workers, len(places)))]
        with self.surviving(fault):
            for directory in directories:
                scenes.put(make(directory))
        if scenes.qsize() < len(directories):
            return

        def attempt(place: P) -> str | None:
            scene = scenes.get()
            try:
                scene.suffer(place)
            except Exception as error:
                return f"{str(place)[:300]}: {describe_loss(error)}"
            finally:
                scenes.put(scene)
            return None

        with concurrent.futures.ThreadPoolExecutor(max(1, len(directories))) as pool:
            lost = [loss for loss in pool.map(attempt, places) if loss is not None]
        for directory in directories:
            shutil.rmtree(directory, ignore_errors=True)
        said = ""
        try:
            said = note if isinstance(note, str) else note()
        except Exception as error:
            lost.append(describe_loss(error))
        self.record(fault, sum(map(count, places)), lost, said, began)

    def try_attack(self, fault: str, places: int, attempt: Callable[[], str], note: str = "") -> None:
        """Tries one attack that stands for `places` places. Its result becomes the note in the table."""
        began = time.monotonic()
        try:
            said = attempt() or note
        except Exception as error:
            self.record(fault, places, [describe_loss(error)] + ["with it"] * (places - 1), note, began)
        else:
            self.record(fault, places, [], said, began)

    @contextlib.contextmanager
    def surviving(self, fault: str) -> Iterator[None]:
        """Turns an error in the block into a lost line of the table; the campaign continues."""
        began = time.monotonic()
        try:
            yield
        except Exception as error:
            self.record(fault, 1, [describe_loss(error)], "", began)

    def record(
        self, fault: str, tried: int, lost: Sequence[str], note: str, began: float
    ) -> None:
        """Adds a line to the table, and prints each loss."""
        if tried == 0:
            lost = ["there was no place to try"]
        for loss in lost:
            if loss == "with it":
                continue
            print(f"LOST {fault}: {' '.join(loss.split())[:1500]}", file=sys.stderr, flush=True)
        row = Row(fault, tried, max(0, tried - len(lost)), note, time.monotonic() - began)
        self.rows.append(row)
        word = "ok" if not lost else "LOST"
        print(f"{fault}: {row.survived} of {tried} {word} ({row.seconds:.0f} s)", flush=True)

    def table(self) -> str:
        """Returns the table in Markdown."""
        lines = ["| fault | places tried | survived | |", "| --- | ---: | ---: | --- |"]
        for row in self.rows:
            lines.append(f"| {row.fault} | {row.tried:,} | {row.survived:,} | {row.note} |")
        tried = sum(row.tried for row in self.rows)
        survived = sum(row.survived for row in self.rows)
        lines.append(f"| all | {tried:,} | {survived:,} | |")
        return "\n".join(lines)

    def survived(self) -> bool:
        """Returns true if nothing was lost."""
        whole = [row.tried == row.survived and row.tried > 0 for row in self.rows]
        return all(whole) and bool(whole)
