"""Runs a command whose reads or writes are tampered with: tamper.py HOW CALL NTH COMMAND...

HOW is `half`: of the main thread's NTH such call, or with NTH+ of all from there on, only half the
bytes are asked of the kernel, which truthfully does that many. Or `lie`: the call is not made, and
yet its result is as many bytes as were asked for. Exits 99 where there was no such call. x86-64 only.
"""

import ctypes
import os
import signal
import sys

# asm/unistd_64.h
CALLS = {"read": 0, "write": 1, "pread64": 17, "pwrite64": 18}
# sys/ptrace.h
TRACEME, SYSCALL, GETREGS, SETREGS, SETOPTIONS = 0, 24, 12, 13, 0x4200
TRACESYSGOOD, EXITKILL = 1, 1 << 20
# sys/user.h, struct user_regs_struct: 27 words; the third argument, and the call's number.
WORDS, RAX, RDX, ORIG_RAX = 27, 10, 12, 15
NO_CALL = (1 << 64) - 1
NOT_REACHED = 99

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
LIBC.ptrace.restype = ctypes.c_long


def ptrace(request: int, pid: int, data: object = None) -> None:
    """Makes one request. Raises OSError if the kernel refuses it."""
    if LIBC.ptrace(request, pid, None, data) == -1:
        raise OSError(ctypes.get_errno(), "ptrace")


def start(command: list[str]) -> int:
    """Starts the process, and returns it stopped before its first call."""
    pid = os.fork()
    if pid == 0:
        ptrace(TRACEME, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
        os.execvp(command[0], command)
    os.waitpid(pid, 0)
    ptrace(SETOPTIONS, pid, TRACESYSGOOD | EXITKILL)
    return pid


class Tampering:
    """The tampering, and the calls that it changes."""

    def __init__(self, how: str, call: str, nth: str) -> None:
        self.lies = how == "lie"
        self.call = CALLS[call]
        self.first = int(nth.rstrip("+"))
        self.onwards = nth.endswith("+")
        self.count = 0
        self.claimed: int | None = None
        self.registers = (ctypes.c_ulonglong * WORDS)()

    def enter(self, pid: int) -> None:
        """Handles the beginning of a call."""
        registers = self.registers
        ptrace(GETREGS, pid, ctypes.byref(registers))
        if registers[ORIG_RAX] != self.call:
            return
        self.count += 1
        if not (self.count == self.first or self.onwards and self.count > self.first):
            return
        if self.lies:
            self.claimed = registers[RDX]
            registers[ORIG_RAX] = NO_CALL
        elif registers[RDX] > 1:
            registers[RDX] //= 2
        ptrace(SETREGS, pid, ctypes.byref(registers))

    def leave(self, pid: int) -> None:
        """Handles the end of a call."""
        if self.claimed is not None:
            ptrace(GETREGS, pid, ctypes.byref(self.registers))
            self.registers[RAX] = self.claimed
            ptrace(SETREGS, pid, ctypes.byref(self.registers))
            self.claimed = None


def follow(pid: int, tampering: Tampering) -> int:
    """Lets the process run to its end. Returns its wait status."""
    entering, deliver = True, 0
    while True:
        ptrace(SYSCALL, pid, deliver)
        deliver = 0
        _, status = os.waitpid(pid, 0)
        if not os.WIFSTOPPED(status):
            return status
        stopped = os.WSTOPSIG(status)
        if stopped != signal.SIGTRAP | 0x80:
            # The stop after `execve` is no signal of the process.
            deliver = 0 if stopped == signal.SIGTRAP else stopped
            continue
        if entering:
            tampering.enter(pid)
        else:
            tampering.leave(pid)
        entering = not entering


def main() -> int:
    """Returns the exit status of the command."""
    how, call, nth, *command = sys.argv[1:]
    tampering = Tampering(how, call, nth)
    status = follow(start(command), tampering)
    if tampering.count < tampering.first:
        return NOT_REACHED
    if os.WIFSIGNALED(status):
        os.kill(os.getpid(), os.WTERMSIG(status))
    return os.WEXITSTATUS(status)


if __name__ == "__main__":
    sys.exit(main())
