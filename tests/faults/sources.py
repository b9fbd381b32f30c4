"""What is dumped while it is attacked."""

import hashlib
import pathlib

import database

NAME = "shop"


class Source:
    """What is dumped: the arguments that name it, and what a dump of it has inside."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory

    def arguments(self) -> list[str]:
        """After `dump` and its flags."""
        raise NotImplementedError

    def content(self, dump: bytes) -> str:
        """What stands for the content of a decompressed dump; equal for equal databases."""
        return hashlib.sha256(dump).hexdigest()


class Sqlite(Source):
    """A database at rest, or as a killed program left it."""

    def __init__(self, directory: pathlib.Path, mode: str, unfinished: bool) -> None:
        super().__init__(directory)
        make = database.make_unfinished if unfinished else database.make
        make(directory / f"{NAME}.db", "old", mode)

    def arguments(self) -> list[str]:
        return [f"{NAME}.db"]

    def content(self, dump: bytes) -> str:
        return database.content_of_image(dump)


class Two(Sqlite):
    """Two databases in one run."""

    def arguments(self) -> list[str]:
        return [f"{NAME}.db", "other.db"]


class Command(Source):
    """What a program prints."""

    def __init__(self, directory: pathlib.Path) -> None:
        super().__init__(directory)
        words = (f"{number * 7919 % 100_003:x}\n" for number in range(150_000))
        (directory / "printed").write_text("".join(words))

    def arguments(self) -> list[str]:
        return ["--name", NAME, "--", "cat", "printed"]
