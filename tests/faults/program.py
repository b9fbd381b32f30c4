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

# An argument of a command.
Word = str | pathlib.Path
# The seconds after which a run counts as hanging.
TIMEOUT = 120


class Run(NamedTuple):
    """The end of a run. A negative status is the number of the signal that killed it."""

    status: int
    stdout: str
    stderr: str

    def succeeds(self, what: str) -> "Run":
        """Raises Loss unless the run exited with 0."""
        if self.status != 0:
            raise Loss(f"{what}: {self.ended()}")
        return self

    def ended(self) -> str:
        """Returns the end of the run in words."""
        return f"status {self.status}: {self.stderr.strip()[-600:]}"


def run(
    command: Sequence[Word],
    directory: pathlib.Path,
    limits: Sequence[str] = (),
    timeout: float = TIMEOUT,
    user: str | None = None,
    alone: bool = False,
) -> Run:
    """Runs a command, with limits in the form of prlimit(1). A panic is always a loss.

    With `alone` it sees no other processes: a restore looks at the open files of each, which takes
    other calls in every run, and finds those that another thread's child has not yet closed.
    """
    if alone and os.getuid() == 0:
        command = ["unshare", "--pid", "--fork", "--mount-proc", "--", *command]
    if limits:
        # If its signal is ignored, the limit of a file's size makes one write short and the next write fail.
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
            # A grandchild in a separate session may hold the output open.
            process.communicate(timeout=5)
        raise Loss(f"it hung for {timeout:.0f} s: {' '.join(map(str, command))[:300]}") from None
    # Process 1 of a process namespace cannot be killed by a signal that it sends itself.
    status = -signal.SIGKILL if alone and process.returncode == 137 else process.returncode
    ended = Run(status, stdout.decode(errors="replace"), stderr.decode(errors="replace"))
    if "panicked" in ended.stderr or "memory allocation" in ended.stderr:
        raise Loss(f"it panicked: {ended.ended()}")
    return ended


def peak_memory(
    command: Sequence[Word], directory: pathlib.Path, timeout: float = 600
) -> tuple[Run, int]:
    """Runs a command. Returns its end, and the most memory in bytes that it used at any time."""
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
