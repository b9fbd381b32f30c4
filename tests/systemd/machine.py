"""What a test script needs of the NixOS test driver's machine, with the driver's signatures and behaviour.

driver.pyi names the files of nixpkgs; signatures.py compares the signatures.
"""

import abc
import re
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
    # As test-instrumentation.nix of nixpkgs sets them for the driver's shell, which is in /tmp.
    environment = ["env", "-i", "-C", "/tmp", f"PATH={PATH}", "HOME=/root", "USER=root", "PAGER="]
    script = f"set -euo pipefail; {command}"
    return [*environment, "LANG=C.UTF-8", *limit, "bash", "-c", script]


class Machine(abc.ABC):
    """A booted machine."""

    def __init__(self, name: str = "machine") -> None:
        self.name = name

    def log(self, msg: str) -> None:
        """Prints a message with the machine's name."""
        print(f"{self.name}: {msg}", flush=True)

    @abc.abstractmethod
    def execute(
        self,
        command: str,
        check_return: bool = True,
        check_output: bool = True,
        timeout: int | None = 900,
    ) -> tuple[int, str]:
        """The exit status and standard output of a command in the machine."""

    def succeed(self, *commands: str, timeout: int | None = None) -> str:
        """The output of commands, each of which must exit 0."""
        output = ""
        for command in commands:
            self.log(f"must succeed: {command}")
            status, out = self.execute(command, timeout=timeout)
            if status != 0:
                raise RequestedAssertionFailed(
                    f"command `{command}` failed (exit code {status})\n{out}"
                )
            output += out
        return output

    def fail(self, *commands: str, timeout: int | None = None) -> str:
        """The output of commands, none of which may exit 0."""
        output = ""
        for command in commands:
            self.log(f"must fail: {command}")
            status, out = self.execute(command, timeout=timeout)
            if status == 0:
                raise RequestedAssertionFailed(f"command `{command}` unexpectedly succeeded")
            output += out
        return output

    def _wait(self, command: str, timeout: int, is_expected: Callable[[int], bool]) -> str:
        output = ""

        def done(last: bool) -> bool:
            nonlocal output
            status, output = self.execute(command, timeout=timeout)
            if last and not is_expected(status):
                self.log(f"last attempt of `{command}`: exit code {status}\n{output}")
            return is_expected(status)

        retry(done, timeout)
        return output

    def wait_until_succeeds(self, command: str, timeout: int = 900) -> str:
        """Repeats a command until it exits 0; returns its last output."""
        self.log(f"waiting for success: {command}")
        return self._wait(command, timeout, lambda status: status == 0)

    def wait_until_fails(self, command: str, timeout: int = 900) -> str:
        """Repeats a command until it does not exit 0; returns its last output."""
        self.log(f"waiting for failure: {command}")
        return self._wait(command, timeout, lambda status: status != 0)

    def wait_for_open_port(
        self, port: int, addr: str = "localhost", timeout: int = 900
    ) -> None:
        """Waits until a process listens on a TCP port."""
        self.wait_until_succeeds(f"nc -z {addr} {port}", timeout)

    def systemctl(self, q: str, user: str | None = None) -> tuple[int, str]:
        """Runs systemctl, of the system only."""
        assert user is None, "the Debian machines have no user managers"
        return self.execute(f"systemctl {q}")

    def get_unit_property(self, unit: str, property: str, user: str | None = None) -> str:
        """The value of a property of a unit, which must be one line."""
        status, lines = self.systemctl(f'--no-pager show "{unit}" --property="{property}"', user)
        if status != 0:
            raise RequestedAssertionFailed(
                f'retrieving systemctl property "{property}" for unit "{unit}" failed '
                f"with exit code {status}"
            )
        match = re.match("^([^=]+)=(.*)$", lines)
        assert match is not None and match[1] == property, f"invalid output: {lines}"
        return match[2]

    def wait_for_unit(self, unit: str, user: str | None = None, timeout: int = 900) -> None:
        """Waits until a unit is active; fails if it failed, or is inactive and nothing starts it."""
        self.log(f"waiting for unit {unit}")

        def active(_last: bool) -> bool:
            state = self.get_unit_property(unit, "ActiveState", user)
            if state == "failed":
                raise RequestedAssertionFailed(f'unit "{unit}" reached state "{state}"')
            if state == "inactive":
                _, jobs = self.systemctl("list-jobs --full 2>&1", user)
                if "No jobs" in jobs and self.get_unit_property(unit, "ActiveState") == state:
                    raise RequestedAssertionFailed(
                        f'unit "{unit}" is inactive and there are no pending jobs'
                    )
            return state == "active"

        retry(active, timeout)
