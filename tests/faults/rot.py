"""Bit rot and truncation: `verify` notices each change, `restore` loads none."""

import json
import pathlib
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from typing import NamedTuple

import postgresql
from campaign import Campaign, Loss
from program import run

# The number of damaged files that one `verify` reads.
BATCH = 4000


class Damage(NamedTuple):
    """A change to a dump, and its description."""

    what: str
    do: Callable[[bytes], bytes]


class Rotting:
    """A good dump, and batches of damaged dumps."""

    def __init__(
        self,
        program: pathlib.Path,
        good: pathlib.Path,
        directory: pathlib.Path,
        target: str,
        harmless: list[str],
        step: int,
    ) -> None:
        self.program = program
        self.good = good.read_bytes()
        self.content = unpacked(good)
        self.harmless = harmless
        # One in this number of damaged dumps is restored.
        self.step = step
        self.suffix = "".join(good.suffixes)
        self.root = directory
        self.target = target

    def suffer(self, batch: list[Damage]) -> None:
        """Verifies a batch. Restores the dumps that `verify` calls good, and some others."""
        place = self.root / "rotten"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        for number, damage in enumerate(batch):
            (place / f"{number}{self.suffix}").write_bytes(damage.do(self.good))
        names = [f"rotten/{number}{self.suffix}" for number in range(len(batch))]
        verified = run([self.program, "verify", "--json", *names], self.root)
        rows = json.loads(verified.stdout)
        if len(rows) != len(batch) or verified.status != 1:
            raise Loss(f"verify said {len(rows)} of {len(batch)}: {verified.ended()}")
        good = [number for number, row in enumerate(rows) if row["good"]]
        for number in good:
            self.changes_nothing(self.root / names[number], batch[number].what)
        for number in set(range(0, len(batch), self.step)) - set(good):
            self.restore(names[number], batch[number].what)

    def changes_nothing(self, path: pathlib.Path, what: str) -> None:
        """Checks a dump that `verify` calls good: other tools must find the same content in the restored database."""
        if unpacked(path) != self.content:
            raise Loss(f"{what}: verify calls it good")
        self.harmless.append(what)

    def restore(self, name: str, what: str) -> None:
        """Checks that `restore` refuses the dump before it touches the target."""
        restored = run([self.program, "restore", name, self.target], self.root)
        if restored.status != 1 or "cannot be restored" not in restored.stderr:
            raise Loss(f"{what}: restore did not refuse it: {restored.ended()}")
        if (self.root / "restored.db").exists():
            raise Loss(f"{what}: restore left a target")


def unpacked(path: pathlib.Path) -> bytes | None:
    """Returns the content, if another tool can read it."""
    tool = "gzip" if path.suffix == ".gz" else "zstd"
    process = subprocess.run([tool, "-dc", path], capture_output=True)
    return process.stdout if process.returncode == 0 else None


def flips(length: int, bits: range) -> Iterator[Damage]:
    """Returns the changes of one bit of each byte."""
    for at in range(length):
        for bit in bits:

            def flipped(data: bytes, at: int = at, bit: int = bit) -> bytes:
                return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]

            yield Damage(f"byte {at}, bit {bit}", flipped)


def cuts(length: int) -> Iterator[Damage]:
    """Returns the truncations to every shorter length."""
    for end in range(length):

        def cut(data: bytes, end: int = end) -> bytes:
            return data[:end]

        yield Damage(f"cut to {end} bytes", cut)


def small(path: pathlib.Path) -> None:
    """Makes a small database."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA page_size = 512")
    database.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)")
    rows = [(f"note {number * 7919 % 1009:x}",) for number in range(40)]
    database.executemany("INSERT INTO note (text) VALUES (?)", rows)
    database.close()


def attack(campaign: Campaign) -> None:
    """Adds the lines of this attack to the table."""
    place = campaign.directory()
    small(place / "shop.db")
    with postgresql.server(campaign) as server:
        postgresql.fill(server, rows=20)
        sources = {"SQLite": "shop.db", "SQL": server.url("shop")}
        for kind, source in sources.items():
            for method in ("gzip", "zstd"):
                words = ["dump", source, "--compress", method, "--to", f"{kind}-{method}"]
                target = "restored.db" if kind == "SQLite" else "postgresql:///x?host=/nonexistent"
                with campaign.surviving(f"bit rot: {kind}, {method}"):
                    dumped = run([campaign.program, *words], place).succeeds("the dump")
                    try_dump(campaign, f"{kind}, {method}", pathlib.Path(dumped.stdout.strip()), target)


def try_dump(campaign: Campaign, kind: str, good: pathlib.Path, target: str) -> None:
    """Adds two lines to the table."""
    length = good.stat().st_size
    # Without --all, one bit of each byte is changed, another bit in each byte.
    bits = range(8) if campaign.everything else range(campaign.seed % 8, campaign.seed % 8 + 1)
    which = "each bit" if campaign.everything else "one bit of each byte"
    rotten = list(flips(length, bits))
    cut = list(cuts(length))
    harmless: list[str] = []

    def make(directory: pathlib.Path) -> Rotting:
        # It does not divide the number of bits, so that each bit of a byte has its turn.
        step = 7 if campaign.everything else 199
        return Rotting(campaign.program, good, directory, target, harmless, step)

    def note() -> str:
        return f"{which} of {length:,} bytes; {len(harmless)} change nothing inside"

    campaign.try_places(f"bit rot: {kind}", make, batches(rotten), note, len)
    note_of_cuts = f"each length below {length:,} bytes"
    campaign.try_places(f"truncation: {kind}", make, batches(cut), note_of_cuts, len)


def batches(damages: list[Damage]) -> list[list[Damage]]:
    """Splits a list into batches of one process each."""
    return [damages[start : start + BATCH] for start in range(0, len(damages), BATCH)]
