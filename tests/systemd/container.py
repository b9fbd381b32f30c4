"""A Debian container with its systemd, the program, and the units of one test."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator

from cgroup import separate_group
from machine import Machine, RequestedAssertionFailed, shell

HERE = pathlib.Path(__file__).resolve().parent
# A test is a script, and a directory of its name for the files it wants in /etc: the NixOS tests
# whose units are kept here, and those of Debian alone.
TESTS = {
    path.stem: path
    for directory in (HERE.parent / "vm", HERE / "debian")
    for path in sorted(directory.glob("*.py"))
    if directory.name == "debian" or (HERE / "units" / path.stem).is_dir()
}

# Where the image has what the units name by package, and all packages.
PLACES = {
    "/nix/store": "/usr /lib /lib64",
    "@seaweedfs@": "/usr/local",
    "@dump-database@": "/usr/local",
    "@ping.sh@": "/usr/local/lib/dump-database/ping.sh",
    "@status.sh@": "/usr/local/lib/dump-database/status.sh",
    "@postgresql@": "/usr/lib/postgresql/17",
    **{
        f"@{package}@": f"/usr/nixos/{package}"
        for package in (
            "bash",
            "coreutils",
            "curl",
            "findutils",
            "gnugrep",
            "gnused",
            "inetutils",
            "jq",
            "mariadb-server",
            "openssh",
            "redis",
            "sqlite",
            "systemd",
        )
    },
}

# What NixOS shows a unit of places for programs that are common elsewhere.
VIEW = """[Service]
BindReadOnlyPaths=/usr/nixos/bin:/usr/bin /usr/nixos/sbin:/usr/sbin
"""
# Debian's mariadb-install-db knows its programs by their places below /usr.
UNABLE = "dump-database-drill-mysql.service"
MANAGER = """[Manager]
DefaultEnvironment=PATH=/usr/nixos/systemd/bin
"""


def install_store(local: pathlib.Path) -> None:
    """Puts an object store into what the machine has as /usr/local."""
    top = HERE.parent.parent
    subprocess.run([top / "tests/stores/install"], check=True)
    shutil.copy((top / "target/stores/bin/weed").resolve(), local / "bin")


def install_program(local: pathlib.Path, program: pathlib.Path) -> None:
    """Puts the program into what the machine has as /usr/local."""
    (local / "bin").mkdir(parents=True, exist_ok=True)
    shutil.copy(program, local / "bin/dump-database")
    library = local / "lib/dump-database"
    library.mkdir(parents=True)
    top = HERE.parent.parent
    for script in ("nix/ping.sh", "nix/status.sh", "packaging/restore.sh"):
        shutil.copy(top / script, library)
    # As nix/restore.nix makes it.
    command = local / "bin/dump-database-restore"
    facts = (top / "nix/restore.sh").read_text()
    command.write_text(f"#!/usr/bin/env bash\n{facts}. /usr/local/lib/dump-database/restore.sh\n")
    command.chmod(0o755)


def install_units(root: pathlib.Path, test: str) -> None:
    """Puts the units of a test and its files into a root file system."""
    files = TESTS[test].with_suffix("")
    if files.is_dir():
        shutil.copytree(files, root / "etc" / test)

    system = root / "etc/systemd/system"
    if (HERE / "units" / test).is_dir():
        for directory, text in (
            ("system/service.d", VIEW),
            (f"system/{UNABLE}.d", "[Service]\n"),
            ("system.conf.d", MANAGER),
        ):
            (system.parent / directory).mkdir()
            (system.parent / directory / "nixos.conf").write_text(text)
        facts = root / "etc/dump-database/restore.json"
        facts.parent.mkdir()
        shutil.copy(HERE / "units" / test / facts.name, facts)
    wants = system / "timers.target.wants"
    wants.mkdir(exist_ok=True)
    needs = system / "multi-user.target.wants"
    for unit in sorted((HERE / "units" / test).glob("*.*")):
        if unit.suffix == ".json":
            continue
        text = unit.read_text()
        for placeholder, place in PLACES.items():
            text = text.replace(placeholder, place)
        if unplaced := re.search("@[A-Za-z0-9._-]+@", text):
            raise RequestedAssertionFailed(f"{unit}: Debian has no place for {unplaced[0]}")
        (system / unit.name).write_text(text)
        if unit.suffix == ".timer":
            (wants / unit.name).symlink_to(f"../{unit.name}")
        if "Requisite=postgresql.target" in text or "@127.0.0.1/" in text:
            (needs / "postgresql.target").unlink(missing_ok=True)
            (needs / "postgresql.target").symlink_to("../postgresql.target")
        if "Requisite=mysql.service" in text:
            (needs / "mariadb.service").symlink_to("/usr/lib/systemd/system/mariadb.service")


class Container(Machine):
    """A container, reached by the process id of its first process."""

    def __init__(self, leader: int) -> None:
        super().__init__()
        self.leader = leader

    def execute(
        self,
        command: str,
        check_return: bool = True,
        check_output: bool = True,
        timeout: int | None = 900,
    ) -> tuple[int, str]:
        """The exit status and standard output of a command in the container."""
        # Standard input is a terminal that never says anything, as the driver's: a command that reads it
        # does not end.
        keyboard, terminal = os.openpty()
        try:
            process = subprocess.run(
                ["nsenter", f"--target={self.leader}", "--all", "--", *shell(command, timeout)],
                stdin=terminal,
                stdout=subprocess.PIPE if check_output else subprocess.DEVNULL,
                cwd="/",
                env={"PATH": os.environ["PATH"]},
            )
        finally:
            os.close(keyboard)
            os.close(terminal)
        output = (process.stdout or b"").decode(errors="replace")
        return (process.returncode if check_return else -1), output


def leader_of(nspawn: int) -> int | None:
    """The container's first process, once it is there: a descendant that is number 1 to itself."""
    for status in pathlib.Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(
                line.split(":", 1) for line in status.read_text().splitlines() if ":" in line
            )
        except OSError:
            continue
        if fields["NSpid"].split()[1:] == ["1"] and int(fields["PPid"]) == nspawn:
            return int(status.parent.name)
    return None


@contextlib.contextmanager
def booted(image: pathlib.Path, program: pathlib.Path, test: str) -> Iterator[Machine]:
    """Boots a throwaway copy of the image for one test."""
    work = pathlib.Path(tempfile.mkdtemp(prefix="run-", dir=image.parent))
    root = work / "root"
    try:
        # What no test writes to is shared.
        (root / "usr/lib").mkdir(parents=True)
        shutil.copy(image / "usr/lib/os-release", root / "usr/lib")
        parts = [path for path in image.iterdir() if path.name != "usr"]
        subprocess.run(["cp", "--archive", *parts, root], check=True)
        install_program(work / "local", program)
        if any("@seaweedfs@" in unit.read_text() for unit in (HERE / "units" / test).glob("*.*")):
            install_store(work / "local")
        install_units(root, test)
        with contextlib.ExitStack() as stack:
            enter_group = stack.enter_context(separate_group())
            console = stack.enter_context(open(work / "console", "wb"))
            nspawn = subprocess.Popen(
                ["systemd-nspawn", "--quiet", f"--directory={root}", "--machine=machine"]
                + ["--boot", "--register=no", "--keep-unit", "--private-network", "--console=pipe"]
                + [f"--bind-ro={image}/usr:/usr", f"--bind-ro={work}/local:/usr/local"],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                env={"PATH": "/usr/sbin:/usr/bin", "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
                preexec_fn=enter_group,
            )
            try:
                yield wait_for_boot(nspawn, work / "console")
            finally:
                # The death of its first process is the death of them all.
                if (leader := leader_of(nspawn.pid)) is not None:
                    os.kill(leader, signal.SIGKILL)
                else:
                    nspawn.kill()
                nspawn.wait()
    finally:
        subprocess.run(["rm", "-rf", "--one-file-system", work], check=True)


def wait_for_boot(nspawn: subprocess.Popen[bytes], console: pathlib.Path) -> Machine:
    """The machine, as soon as its systemd answers."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and nspawn.poll() is None:
        leader = leader_of(nspawn.pid)
        if leader is not None:
            machine = Container(leader)
            # Before its root is the container's own, systemctl says nothing and exits 0.
            status, _ = machine.execute("systemctl show -P Version 2>/dev/null | grep .")
            if status == 0:
                return machine
        time.sleep(0.1)
    raise RequestedAssertionFailed(f"the container did not boot:\n{console.read_text()[-3000:]}")
