"""Reading a hostile file in each way that the program reads dumps."""

import os
import pathlib
import shutil
import time
from collections.abc import Callable
from typing import NamedTuple

import forge
from campaign import Loss
from program import run

# The memory of a reader: twice the 134 MB of the largest window that zstd accepts by default.
MEMORY = 512 << 20
SECONDS = 60
NOW = int(time.time()) - 3600
NAME = forge.name("x", NOW)
UNREADABLE = "a file no one may read"


class Hostile(NamedTuple):
    """A hostile file, and how it is given the name of a dump."""

    what: str
    plant: Callable[[pathlib.Path], None]
    # The target of a symlink.
    secret: pathlib.Path | None = None

    def __str__(self) -> str:
        return self.what


class Reader:
    """Runs every command that reads dumps with one hostile file."""

    def __init__(self, program: pathlib.Path, directory: pathlib.Path) -> None:
        self.program = program
        self.root = directory
        (directory / "dump").mkdir()
        (directory / "outside").write_text("foreign\n")
        # A program that refuses every file would pass all the following checks, so a good dump is read first.
        good = directory / "dump" / NAME
        good.write_bytes(forge.dump(b"x", NOW))
        for words in (["verify", "dump"], ["status", "dump"]):
            run([program, *words], directory).succeeds(f"{words[0]} of a good dump")

    def suffer(self, hostile: Hostile) -> None:
        """Reads the file with each command."""
        place = self.root / "dump" / NAME
        shutil.rmtree(place.parent)
        place.parent.mkdir()
        hostile.plant(place)
        commands = [["verify", "dump"], ["verify", f"dump/{NAME}"], ["list", "dump"]]
        commands += [["list", "--json", "dump"], ["status", "dump"], ["rotate", "dump"]]
        commands += [["dump", "--name", "other", "--", "true"]]
        commands += [["restore", "dump", "restored.db"], ["restore", f"dump/{NAME}", "restored.db"]]
        commands += [["drill", "dump"], ["drill", f"dump/{NAME}"]]
        for command in commands:
            self.read(command)
        if hostile.what == UNREADABLE and os.getuid() == 0:
            self.read_by_nobody(place)
        shutil.rmtree(place.parent)
        place.parent.mkdir()
        left = {str(path.relative_to(self.root)) for path in self.root.rglob("*")}
        if left != {"dump", "outside"} or os.path.lexists("/tmp/faults-outside"):
            raise Loss(f"it left {sorted(left)}")
        if (self.root / "outside").read_text() != "foreign\n":
            raise Loss("it changed a file outside")
        if hostile.secret is not None and hostile.secret.read_text() != "secret\n":
            raise Loss("it changed the file that a symlink leads to")

    def read_by_nobody(self, place: pathlib.Path) -> None:
        """Checks that `verify` by another user fails, because root itself can read every file."""
        place.parent.chmod(0o755)
        self.root.chmod(0o755)
        ended = run([self.program, "verify", f"dump/{NAME}"], self.root, user="nobody")
        if ended.status != 1 or NAME not in ended.stderr + ended.stdout or "denied" not in ended.stderr + ended.stdout:
            raise Loss(f"verify by nobody: {ended.ended()}")

    def read(self, command: list[str]) -> None:
        """Runs one command. It may accept or refuse the file, but it must end and print a result."""
        ended = run([self.program, *command], self.root, [f"--as={MEMORY}"], SECONDS)
        if ended.status not in (0, 1, 2):
            raise Loss(f"{command}: {ended.ended()}")
        if any(character in ended.stdout + ended.stderr for character in "\0\x1b\r"):
            raise Loss(f"{command} printed control characters")
        if command[-1] == "restored.db" and ended.status == 0:
            restored = self.root / "restored.db"
            if not restored.read_bytes().startswith(b"SQLite format 3\0"):
                raise Loss(f"{command} restored no database")
            restored.unlink()
