"""What faults are tried on: dumps of each kind of source, and restores over each kind of target."""

import pathlib
from collections.abc import Callable
from typing import Protocol

import postgresql
from campaign import Campaign
from dumping import Command, Dumping, Source, Sqlite
from program import Run, Word
from restoring import Restoring


class Attacked(Protocol):
    """A command in a place that can be put back as it was."""

    root: pathlib.Path
    command: list[Word]
    # Whether it must see no other processes.
    alone: bool

    def reset(self) -> None:
        """Everything as it was before the first fault."""

    def judge(self, ended: Run) -> None:
        """Raises Loss unless all holds that must, however the run ended."""

    def go_on(self) -> None:
        """Raises Loss unless the next ordinary run goes through and clears up."""


Make = Callable[[pathlib.Path], Attacked]


def dump(campaign: Campaign, source: Callable[[pathlib.Path], Source]) -> Make:
    """A dump of a source."""
    return lambda directory: Dumping(campaign.program, source(directory))


def without_server(campaign: Campaign) -> dict[str, Make]:
    """Those that need no server, by their names in the table."""

    def restore(mode: str) -> Make:
        return lambda directory: Restoring(campaign.program, directory, mode)

    makes = {
        "dump, SQLite, WAL": dump(campaign, lambda at: Sqlite(at, "WAL", unfinished=False)),
        "dump, SQLite, WAL of a killed program": dump(
            campaign, lambda at: Sqlite(at, "WAL", unfinished=True)
        ),
        "dump, SQLite, rollback journal": dump(
            campaign, lambda at: Sqlite(at, "DELETE", unfinished=False)
        ),
        "dump, a command": dump(campaign, Command),
        "restore --replace, SQLite, live WAL": restore("WAL"),
        "restore --replace, SQLite, hot journal": restore("DELETE"),
    }
    return {name: make for name, make in makes.items() if campaign.scene in name}


def all_of(campaign: Campaign, server: postgresql.Server) -> dict[str, Make]:
    """By their names in the table."""
    makes = without_server(campaign)
    if campaign.scene in "dump, PostgreSQL":
        makes["dump, PostgreSQL"] = dump(campaign, lambda at: postgresql.Postgresql(at, server))
    return makes


def some_of(name: str) -> int:
    """How many places are enough where not all are tried: a server's clients take their time."""
    return 20 if "PostgreSQL" in name else 60
