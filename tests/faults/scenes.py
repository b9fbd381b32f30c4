"""What faults are tried on: dumps of each kind of source, and restores over each kind of target."""

import pathlib
from collections.abc import Callable
from typing import Protocol

import postgresql
from campaign import Campaign
from dumping import Command, Dumping, Source, Sqlite
from program import Run
from restoring import Restoring


class Attacked(Protocol):
    """A command in a place that can be put back as it was."""

    root: pathlib.Path
    command: list[str | pathlib.Path]

    def reset(self) -> None:
        """Everything as it was before the first fault."""

    def judge(self, ended: Run) -> None:
        """Raises Loss unless all holds that must, however the run ended."""

    def go_on(self) -> None:
        """Raises Loss unless the next ordinary run goes through and clears up."""


Make = Callable[[pathlib.Path], Attacked]


def all_of(campaign: Campaign, server: postgresql.Server) -> dict[str, Make]:
    """By their names in the table."""

    def dump(source: Callable[[pathlib.Path], Source]) -> Make:
        return lambda directory: Dumping(campaign.program, source(directory))

    def restore(mode: str) -> Make:
        return lambda directory: Restoring(campaign.program, directory, mode)

    return {
        "dump, SQLite, WAL": dump(lambda at: Sqlite(at, "WAL", unfinished=False)),
        "dump, SQLite, WAL of a killed program": dump(lambda at: Sqlite(at, "WAL", unfinished=True)),
        "dump, SQLite, rollback journal": dump(lambda at: Sqlite(at, "DELETE", unfinished=False)),
        "dump, a command": dump(Command),
        "dump, PostgreSQL": dump(lambda at: postgresql.Postgresql(at, server)),
        "restore --replace, SQLite, live WAL": restore("WAL"),
        "restore --replace, SQLite, hot journal": restore("DELETE"),
    }
