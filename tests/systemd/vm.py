"""A virtual machine with its own disk, for the tests of what a container cannot do: lose power.

    with booted(image, program) as machine:
        machine.succeed("echo kept >/srv/file && sync")
        machine.crash()
        machine.start()
        machine.succeed("grep kept /srv/file")
"""

import base64
import contextlib
import pathlib
import shlex
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator

from container import install_program, install_units
from machine import Machine, RequestedAssertionFailed, shell

# Bytes; what is not written to takes no room.
DISK = 8 << 30
BOOT_TIMEOUT = 120
# Without AVX, which is slower than what it replaces where it is emulated.
PROCESSOR = "Nehalem"
# Seconds of an emulated processor that no test is in need of.
MASKED = (
    "dev-hugepages.mount",
    "dev-mqueue.mount",
    "getty.target",
    "modprobe@.service",
    "run-lock.mount",
    "sys-fs-fuse-connections.mount",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "systemd-binfmt.service",
    "systemd-journal-catalog-update.service",
    "systemd-logind.service",
    "systemd-modules-load.service",
    "systemd-tpm2-setup.service",
    "systemd-update-done.service",
    "tmp.mount",
)
KERNEL_ARGUMENTS = " ".join(
    ["root=/dev/nvme0n1 rootfstype=ext4 rw console=ttyS0 quiet panic=-1 mitigations=off"]
    + [f"systemd.mask={unit}" for unit in MASKED]
)


class VirtualMachine(Machine):
    """A virtual machine, reached over a serial port on which it runs a root shell."""

    def __init__(self, kernel: pathlib.Path, disk: pathlib.Path) -> None:
        super().__init__()
        self.kernel = kernel
        self.disk = disk
        self.console = disk.with_name("console")
        self.backdoor = disk.with_name("backdoor")
        self.qemu: subprocess.Popen[bytes] | None = None

    def start(self, allow_reboot: bool = False) -> None:
        """Boots, and waits for the root shell."""
        assert not allow_reboot, "no test reboots a machine"
        self.log("starting")
        self.backdoor.unlink(missing_ok=True)
        self.qemu = subprocess.Popen(
            ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none"]
            + ["-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", PROCESSOR]
            # One processor: where QEMU emulates two, the kernel that patches its own code on one
            # has panicked on the other.
            + ["-smp", "1", "-m", "1024", "-no-reboot"]
            + ["-kernel", str(self.kernel), "-append", KERNEL_ARGUMENTS]
            + ["-drive", f"id=disk,file={self.disk},format=raw,if=none,discard=unmap"]
            + ["-device", "nvme,drive=disk,serial=disk"]
            + ["-serial", f"file:{self.console}"]
            + ["-chardev", f"socket,id=backdoor,path={self.backdoor},server=on,wait=off"]
            + ["-device", "virtio-serial", "-device", "virtserialport,chardev=backdoor"],
            stdin=subprocess.DEVNULL,
        )
        connection = socket.socket(socket.AF_UNIX)
        # QEMU creates the socket, and listens on it a moment later.
        while connection.connect_ex(str(self.backdoor)) != 0:
            if self.qemu.poll() is not None:
                raise RuntimeError(f"QEMU exited with {self.qemu.returncode}")
            time.sleep(0.01)
        self.shell = connection.makefile("rwb")
        connection.settimeout(BOOT_TIMEOUT)
        self.execute("true")
        connection.settimeout(None)

    def crash(self) -> None:
        """Cuts the power: what the machine had in memory alone is lost.

        What it handed to the disk is not, flushed or not, as on a disk without a volatile cache.
        """
        self.log("cutting the power")
        if self.qemu is not None:
            self.qemu.kill()
            self.qemu.wait()

    def execute(
        self,
        command: str,
        check_return: bool = True,
        check_output: bool = True,
        timeout: int | None = 900,
    ) -> tuple[int, str]:
        """The exit status and standard output of a command in the machine."""
        script = shlex.join(shell(command, timeout)) + ("" if check_output else " >/dev/null")
        self.shell.write(base64.b64encode(script.encode()) + b"\n")
        self.shell.flush()
        answer = self.shell.readline()
        if not answer.endswith(b"\n"):
            raise RequestedAssertionFailed(
                f"the machine did not answer:\n{self.console.read_text()[-3000:]}"
            )
        status, output = answer.rstrip(b"\n").split(b" ", 1)
        text = base64.b64decode(output).decode(errors="replace")
        return (int(status) if check_return else -1), text


@contextlib.contextmanager
def booted(
    image: pathlib.Path, program: pathlib.Path, test: str | None = None
) -> Iterator[VirtualMachine]:
    """Boots a throwaway disk with the image, the program and, if given, the units of a test."""
    with tempfile.TemporaryDirectory(prefix="run-", dir=image.parent) as directory:
        work = pathlib.Path(directory)
        root = work / "root"
        parts = [path for path in image.iterdir() if path.name not in ("usr", "boot")]
        root.mkdir()
        subprocess.run(["cp", "--archive", *parts, root], check=True)
        subprocess.run(["cp", "--archive", "--link", image / "usr", root], check=True)
        install_program(root / "usr/local", program)
        if test is not None:
            install_units(root, test)
        disk = work / "disk"
        make = ["mke2fs", "-q", "-t", "ext4", "-d", str(root), str(disk), f"{DISK >> 10}k"]
        subprocess.run(make, check=True, stdout=subprocess.DEVNULL)
        machine = VirtualMachine(image / "boot/vmlinuz", disk)
        try:
            machine.start()
            yield machine
        finally:
            machine.crash()
