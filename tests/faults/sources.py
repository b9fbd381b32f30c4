"""The sources that are dumped in an attack."""

import hashlib
import pathlib

import database

NAME = "shop"


class Source:
    """A source: the arguments that name it, and the content that its dump must have."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory

    def arguments(self) -> list[str]:
        """Returns the arguments after `dump` and its flags."""
        raise NotImplementedError

    def content(self, dump: bytes) -> str:
        """Returns a text for the content of a decompressed dump. It is equal for equal databases."""
        return hashlib.sha256(dump).hexdigest()


class Sqlite(Source):
    """An SQLite database that no program uses, or whose program was killed."""

    def __init__(self, directory: pathlib.Path, mode: str, unfinished: bool) -> None:
        super().__init__(directory)
        make = database.make_unfinished if unfinished else database.make
        make(directory / f"{NAME}.db", "old", mode)

    def arguments(self) -> list[str]:
        return [f"{NAME}.db"]

    def content(self, dump: bytes) -> str:
        return database.content_of_image(dump)


class Two(Sqlite):
    """Two databases that one run dumps."""

    def arguments(self) -> list[str]:
        return [f"{NAME}.db", "other.db"]


class Command(Source):
    """The output of a program."""

    def __init__(self, directory: pathlib.Path) -> None:
        super().__init__(directory)
        words = (f"{number * 7919 % 100_003:x}\n" for number in range(150_000))
        (directory / "printed").write_text("".join(words))

    def arguments(self) -> list[str]:
        return ["--name", NAME, "--", "cat", "printed"]
