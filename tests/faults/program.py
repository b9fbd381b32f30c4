"""Running the program."""

import contextlib
import os
import pathlib
import pwd
import signal
import subprocess
import time
from collections.abc import Sequence
from typing import NamedTuple

from campaign import Loss

# Of a command.
Word = str | pathlib.Path
# Seconds after which a run hangs.
TIMEOUT = 120


class Run(NamedTuple):
    """How it ended. A negative status is the signal it died by."""

    status: int
    stdout: str
    stderr: str

    def succeeds(self, what: str) -> "Run":
        """Raises Loss unless it exited 0."""
        if self.status != 0:
            raise Loss(f"{what}: {self.ended()}")
        return self

    def ended(self) -> str:
        """In words."""
        return f"status {self.status}: {self.stderr.strip()[-600:]}"


def run(
    command: Sequence[Word],
    directory: pathlib.Path,
    limits: Sequence[str] = (),
    timeout: float = TIMEOUT,
    user: str | None = None,
    alone: bool = False,
) -> Run:
    """Runs a command, with limits as prlimit(1) takes them. No panic is ever right.

    With `alone` it sees no other processes: a restore looks at the open files of each, which takes
    other calls in every run, and finds those that another thread's child has not yet closed.
    """
    if alone and os.getuid() == 0:
        command = ["unshare", "--pid", "--fork", "--mount-proc", "--", *command]
    if limits:
        # Without its signal the limit of a file's size makes one write short and the next one fail.
        command = ["env", "--ignore-signal=XFSZ", "prlimit", *limits, "--", *command]
    process = subprocess.Popen(
        [str(word) for word in command],
        cwd=directory,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        user=user,
        group=pwd.getpwnam(user).pw_gid if user else None,
        extra_groups=[] if user else None,
        start_new_session=True,
    )
    try:
        stdout, stderr = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            # A grandchild with a session of its own may hold its output open.
            process.communicate(timeout=5)
        raise Loss(f"it hung for {timeout:.0f} s: {' '.join(map(str, command))[:300]}") from None
    # Who is process 1 there cannot die by a signal of its own.
    status = -signal.SIGKILL if alone and process.returncode == 137 else process.returncode
    ended = Run(status, stdout.decode(errors="replace"), stderr.decode(errors="replace"))
    if "panicked" in ended.stderr or "memory allocation" in ended.stderr:
        raise Loss(f"it panicked: {ended.ended()}")
    return ended


def peak_memory(
    command: Sequence[Word], directory: pathlib.Path, timeout: float = 600
) -> tuple[Run, int]:
    """Runs a command: how it ended, and the most memory it ever had in use, in bytes."""
    deadline = time.monotonic() + timeout
    with open(directory / "stdout", "w+") as stdout, open(directory / "stderr", "w+") as stderr:
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
        )
        peak = 0
        while process.poll() is None:
            if time.monotonic() > deadline:
                process.kill()
                process.wait()
                raise Loss(f"it hung for {timeout:.0f} s: {' '.join(map(str, command))[:300]}")
            try:
                status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            except OSError:
                continue
            for line in status.splitlines():
                if line.startswith("VmHWM:"):
                    peak = max(peak, int(line.split()[1]) * 1024)
            try:
                process.wait(0.005)
            except subprocess.TimeoutExpired:
                pass
        stdout.seek(0)
        stderr.seek(0)
        return Run(process.returncode, stdout.read(), stderr.read()), peak
