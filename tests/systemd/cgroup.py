"""A control group for each container: systemd-nspawn makes groups with fixed names in the group that starts it."""

import contextlib
import os
import pathlib
import time
from collections.abc import Callable, Iterator

# Seconds in which the kernel lets go of a group whose processes are dead.
PATIENCE = 10


def own_groups() -> list[pathlib.Path]:
    """The directories of this process's groups in which systemd manages processes."""
    paths = {}
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        paths[controllers] = path
    directories = []
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        fields, kind = line.split(" - ", 1)
        mount = pathlib.Path(fields.split()[4])
        filesystem, _, options = kind.split()
        if filesystem == "cgroup2" and "" in paths:
            directories.append(mount / paths[""].lstrip("/"))
        elif filesystem == "cgroup" and "name=systemd" in options.split(",") and "name=systemd" in paths:
            directories.append(mount / paths["name=systemd"].lstrip("/"))
    return directories


@contextlib.contextmanager
def separate_group() -> Iterator[Callable[[], None]]:
    """Makes a group, and yields the function by which a new process enters it. Removes the group at the end."""
    # One name in each hierarchy, because systemd-nspawn makes the group of one of them in the other, too.
    groups = [own / f"dump-database-test-{os.getpid()}" for own in own_groups()]
    for group in groups:
        group.mkdir()

    def enter() -> None:
        for group in groups:
            (group / "cgroup.procs").write_text(str(os.getpid()))

    try:
        yield enter
    finally:
        for group in groups:
            remove(group)


def remove(group: pathlib.Path) -> None:
    """Removes a group and those below it, deepest first. Every process in them must be dead."""
    deadline = time.monotonic() + PATIENCE
    for directory, _, _ in os.walk(group, topdown=False):
        while True:
            try:
                os.rmdir(directory)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
