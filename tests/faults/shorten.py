"""Runs a command whose reads or writes are cut short: shorten.py CALL NTH COMMAND...

Of the main thread's NTH such call, or of all with NTH 0, only half the bytes are asked of the
kernel, which truthfully does that many. strace cannot: it skips a call whose result it changes.
x86-64 only.
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
WORDS, RDX, ORIG_RAX = 27, 12, 15

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
LIBC.ptrace.restype = ctypes.c_long


def ptrace(request: int, pid: int, data: object = None) -> None:
    """One request; OSError if the kernel refuses it."""
    if LIBC.ptrace(request, pid, None, data) == -1:
        raise OSError(ctypes.get_errno(), "ptrace")


def start(command: list[str]) -> int:
    """The process, stopped before its first call."""
    pid = os.fork()
    if pid == 0:
        ptrace(TRACEME, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
        os.execvp(command[0], command)
    os.waitpid(pid, 0)
    ptrace(SETOPTIONS, pid, TRACESYSGOOD | EXITKILL)
    return pid


def follow(pid: int, call: int, nth: int) -> int:
    """Lets it run to its end, cutting the call short; its wait status."""
    registers = (ctypes.c_ulonglong * WORDS)()
    entering, count, deliver = True, 0, 0
    while True:
        ptrace(SYSCALL, pid, deliver)
        deliver = 0
        _, status = os.waitpid(pid, 0)
        if not os.WIFSTOPPED(status):
            return status
        stopped = os.WSTOPSIG(status)
        if stopped != signal.SIGTRAP | 0x80:
            # The stop after its execution is no signal of its own.
            deliver = 0 if stopped == signal.SIGTRAP else stopped
            continue
        if entering:
            ptrace(GETREGS, pid, ctypes.byref(registers))
            if registers[ORIG_RAX] == call:
                count += 1
                if registers[RDX] > 1 and nth in (0, count):
                    registers[RDX] //= 2
                    ptrace(SETREGS, pid, ctypes.byref(registers))
        entering = not entering


def main() -> int:
    """The command's exit status."""
    call, nth, *command = sys.argv[1:]
    status = follow(start(command), CALLS[call], int(nth))
    if os.WIFSIGNALED(status):
        os.kill(os.getpid(), os.WTERMSIG(status))
    return os.WEXITSTATUS(status)


if __name__ == "__main__":
    sys.exit(main())
