"""The NixOS test driver's machine, by its names and behaviour, however its commands get there."""

import abc
import shlex
import time
from collections.abc import Callable

# The programs by paths that a unit sees as well; see image.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/nixos/sw/bin:/usr/sbin:/usr/bin"


class RequestedAssertionFailed(AssertionError):
    """A test script asked for something that is not so."""


def retry(done: Callable[[bool], bool], timeout: int = 900) -> None:
    """Calls `done` every second until it is true; the last time with True."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if done(False):
            return
        time.sleep(1)
    if not done(True):
        raise RequestedAssertionFailed(f"action timed out after {timeout} tries")


def shell(command: str, timeout: int | None) -> list[str]:
    """The program and arguments that run a command in a machine."""
    limit = [] if timeout is None else ["timeout", str(timeout)]
    environment = ["env", "-i", f"PATH={PATH}", "HOME=/root", "LANG=C.UTF-8"]
    return [*environment, *limit, "bash", "-c", f"set -euo pipefail; {command}"]


class Machine(abc.ABC):
    """A booted machine."""

    def __init__(self, name: str = "machine") -> None:
        self.name = name

    def log(self, message: str) -> None:
        """Prints a message with the machine's name."""
        print(f"{self.name}: {message}", flush=True)

    @abc.abstractmethod
    def execute(
        self,
        command: str,
        check_return: bool = True,
        check_output: bool = True,
        timeout: int | None = 900,
    ) -> tuple[int, str]:
        """The exit status and standard output of a command in the machine."""

    def succeed(self, *command: str, timeout: int | None = None) -> str:
        """The output of commands, each of which must exit 0."""
        output = ""
        for one in command:
            self.log(f"must succeed: {one}")
            status, out = self.execute(one, timeout=timeout)
            if status != 0:
                raise RequestedAssertionFailed(
                    f"command `{one}` failed (exit code {status})\n{out}"
                )
            output += out
        return output

    def fail(self, *command: str, timeout: int | None = None) -> str:
        """The output of commands, none of which may exit 0."""
        output = ""
        for one in command:
            self.log(f"must fail: {one}")
            status, out = self.execute(one, timeout=timeout)
            if status == 0:
                raise RequestedAssertionFailed(f"command `{one}` unexpectedly succeeded")
            output += out
        return output

    def _wait(self, command: str, timeout: int, wanted: Callable[[int], bool]) -> str:
        output = ""

        def done(last: bool) -> bool:
            nonlocal output
            status, output = self.execute(command, timeout=timeout)
            if last and not wanted(status):
                self.log(f"last attempt of `{command}`: exit code {status}\n{output}")
            return wanted(status)

        retry(done, timeout)
        return output

    def wait_until_succeeds(self, command: str, timeout: int = 900) -> str:
        """Repeats a command until it exits 0; its output then."""
        self.log(f"waiting for success: {command}")
        return self._wait(command, timeout, lambda status: status == 0)

    def wait_until_fails(self, command: str, timeout: int = 900) -> str:
        """Repeats a command until it does not exit 0; its output then."""
        self.log(f"waiting for failure: {command}")
        return self._wait(command, timeout, lambda status: status != 0)

    def wait_for_file(self, filename: str, timeout: int = 900) -> None:
        """Waits until a file exists."""
        self.wait_until_succeeds(f"test -e {shlex.quote(filename)}", timeout)

    def systemctl(self, query: str) -> tuple[int, str]:
        """Runs systemctl."""
        return self.execute(f"systemctl {query}")

    def get_unit_info(self, unit: str) -> dict[str, str]:
        """All properties of a unit."""
        status, lines = self.systemctl(f'--no-pager show "{unit}"')
        if status != 0:
            raise RequestedAssertionFailed(f'retrieving systemctl info for unit "{unit}" failed')
        return dict(line.split("=", 1) for line in lines.splitlines() if "=" in line)

    def get_unit_property(self, unit: str, property: str) -> str:
        """One property of a unit."""
        info = self.get_unit_info(unit)
        if property not in info:
            raise RequestedAssertionFailed(f'unit "{unit}" has no property "{property}"')
        return info[property]

    def require_unit_state(self, unit: str, require_state: str = "active") -> None:
        """Fails unless the unit is in this state now."""
        state = self.get_unit_property(unit, "ActiveState")
        if state != require_state:
            raise RequestedAssertionFailed(
                f'unit "{unit}" should be {require_state} but is {state}'
            )

    def wait_for_unit(self, unit: str, user: None = None, timeout: int = 900) -> None:
        """Waits until a unit is active; fails if it failed, or is inactive and nothing starts it."""
        del user
        self.log(f"waiting for unit {unit}")

        def active(_last: bool) -> bool:
            state = self.get_unit_property(unit, "ActiveState")
            if state == "failed":
                raise RequestedAssertionFailed(f'unit "{unit}" reached state "{state}"')
            if state == "inactive":
                _, jobs = self.systemctl("list-jobs --full 2>&1")
                if "No jobs" in jobs and self.get_unit_property(unit, "ActiveState") == state:
                    raise RequestedAssertionFailed(
                        f'unit "{unit}" is inactive and there are no pending jobs'
                    )
            return state == "active"

        retry(active, timeout)

    def start_job(self, jobname: str) -> tuple[int, str]:
        """Starts a unit."""
        return self.systemctl(f"start {jobname}")

    def stop_job(self, jobname: str) -> tuple[int, str]:
        """Stops a unit."""
        return self.systemctl(f"stop {jobname}")
