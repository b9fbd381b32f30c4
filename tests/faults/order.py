"""The order of the calls that make a file durable, which a crash of a process alone cannot show.

After a power loss a name may lead to a file whose data never reached the disk, unless the data was
synced before the name was given; and a removal may reach the disk before the name that made it
right, unless the directory was synced between them.
"""

import re
from typing import NamedTuple

import scenes
import strace
from campaign import Campaign, Loss
from strace import Place

CALLS = "write,pwrite64,ftruncate,fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat"
RENAME = re.compile(r'"([^"]+)".*"([^"]+)"')


class Named(NamedTuple):
    """A scene and its name in the table."""

    name: str
    scene: scenes.Attacked

    def __str__(self) -> str:
        return self.name


def attack(campaign: Campaign) -> None:
    """Adds the line of this attack to the table."""
    # With several workers, the main thread, whose calls are seen, renames what the others write.
    makes = [item for item in scenes.without_server(campaign).items() if "--jobs" not in item[0]]
    places = [Named(name, make(campaign.directory())) for name, make in makes]
    campaign.try_places(
        "order: data synced, named, directory synced, old dumps removed",
        lambda directory: Ordered(),
        places,
        "by the calls of a run",
    )


class Ordered:
    """Checks the order of the calls of a run without a fault."""

    def suffer(self, named: Named) -> None:
        """Checks each rename of a new file."""
        scene = named.scene
        scene.reset()
        calls = strace.calls(scene.command, scene.root, CALLS, alone=scene.alone)
        given = [at for at, call in enumerate(calls) if is_publication(call)]
        if not given and not scene.may_publish_nothing:
            raise Loss("no file was given a name")
        recorded = [at for at, call in enumerate(calls) if is_record(call)]
        if "dump" in named.name.split(",")[0] and not recorded:
            raise Loss("how the run ended was not recorded")
        for at in given + recorded:
            check_rename(calls, at)


def is_record(call: Place) -> bool:
    """Returns true if the call renames the new record of a run over the old one."""
    return call.call.startswith("rename") and '.state.new"' in call.shown


def is_publication(call: Place) -> bool:
    """Returns true if the call gives a temporary file its final name."""
    return call.call.startswith("rename") and re.search(r"/?\.dump-database-\S+\.tmp\"|\.restoring-\d+\"", call.shown) is not None


def check_rename(calls: list[Place], at: int) -> None:
    """Checks the order around one rename: data, sync, rename, sync of the directory, removals."""
    names = RENAME.search(calls[at].shown)
    if names is None:
        raise Loss(f"not understood: {calls[at].shown}")
    temporary = names[1].rpartition("/")[2]
    of_file = [n for n, call in enumerate(calls) if f"/{temporary}>" in call.shown]
    written = [n for n in of_file if calls[n].call in ("write", "pwrite64", "ftruncate")]
    synced = [n for n in of_file if calls[n].call in ("fsync", "fdatasync")]
    if not written or not any(max(written) < n < at for n in synced):
        raise Loss(f"{temporary} was not synced before it was named")
    removed = [n for n in range(at, len(calls)) if is_removal(calls[n])]
    until = min(removed, default=len(calls))
    if not any(is_sync_of_directory(call) for call in calls[at + 1 : until]):
        raise Loss(f"the directory was not synced after {names[2]} was named")
    if temporary.endswith(".tmp") and "RENAME_NOREPLACE" not in calls[at].shown:
        raise Loss(f"{names[2]} would have replaced a file of that name")


def is_removal(call: Place) -> bool:
    """Returns true if the call removes a dump."""
    return call.call.startswith("unlink") and re.search(r"\.(gz|zst)\"", call.shown) is not None


def is_sync_of_directory(call: Place) -> bool:
    """Returns true if the call syncs a directory: its path is not that of a file."""
    return call.call == "fsync" and re.search(r"/[^/.]+>\) = 0", call.shown) is not None
