"""The scenes that are attacked: dumps of each kind of source, and restores over each kind of target."""

import pathlib
from collections.abc import Callable
from typing import Protocol

import postgresql
from campaign import Campaign
from dumping import METRICS, Dumping
from program import Run, Word
from restoring import Restoring
from sources import Command, Source, Sqlite, Two


class Attacked(Protocol):
    """A command in a directory whose state can be restored."""

    root: pathlib.Path
    command: list[Word]
    # True if the command must see no other processes.
    alone: bool
    # True if a successful run may leave all dumps as they are.
    may_publish_nothing: bool

    def reset(self) -> None:
        """Restores the state before the first fault."""

    def judge(self, ended: Run) -> None:
        """Raises Loss unless the guarantees hold, however the run ended."""

    def go_on(self) -> None:
        """Raises Loss unless the next ordinary run succeeds and cleans up."""


Make = Callable[[pathlib.Path], Attacked]


# More ways to dump, of which a part of the places is enough. The name of such a scene ends with its flags.
FLAGS = ("--jobs 2", "--compress zstd", "--skip-unchanged", f"--metrics {METRICS}", "--format custom")


def dump(campaign: Campaign, source: Callable[[pathlib.Path], Source], flags: str = "") -> Make:
    """Returns the maker of a scene that dumps a source."""
    return lambda directory: Dumping(campaign.program, source(directory), tuple(flags.split()))


def without_server(campaign: Campaign) -> dict[str, Make]:
    """Returns the scenes that need no server, by their names in the table."""

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
    for flags in FLAGS[:-1] if campaign.everything else ():
        source = Two if flags == "--jobs 2" else Sqlite
        makes[f"dump, SQLite, {flags}"] = dump(
            campaign, lambda at, source=source: source(at, "WAL", unfinished=False), flags  # type: ignore[misc]
        )
    return {name: make for name, make in makes.items() if campaign.scene in name}


def all_of(campaign: Campaign, server: postgresql.Server) -> dict[str, Make]:
    """Returns all scenes by their names in the table."""
    makes = without_server(campaign)
    for flags in ("", FLAGS[-1]):
        name = f"dump, PostgreSQL, {flags}".removesuffix(", ")
        if campaign.scene in name and (campaign.everything or not flags):
            makes[name] = dump(campaign, lambda at: postgresql.Postgresql(at, server), flags)
    return makes


def is_threaded(name: str) -> bool:
    """Returns true if the main thread makes almost no calls, because each of several jobs has a separate thread."""
    return "--jobs 2" in name


def some_of(name: str) -> int:
    """Returns the number of places to try without --all. The clients of a server are slow."""
    return 20 if "PostgreSQL" in name else 60


def is_sampled(name: str) -> bool:
    """Returns true if a part of the places is always enough, because the scene differs little from another one."""
    return name.endswith(FLAGS)
