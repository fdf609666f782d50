"""Ask before a system call: seccomp's user notification, by the standard library alone. Linux 5.5 on x86-64 and later.

A process puts a filter on itself; from then on its calls of these numbers wait until whoever holds the listener says
go on, or answers in the kernel's place. Why not strace: its `when=N` counts for each thread by itself, so that in a
program with threads most calls are never the N-th; and this needs nothing installed.
"""

import ctypes
import errno
import fcntl
import os
import select
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

CALLS = {
    1: "write", 18: "pwrite64", 74: "fsync", 75: "fdatasync", 76: "truncate", 77: "ftruncate", 82: "rename",
    83: "mkdir", 84: "rmdir", 87: "unlink", 90: "chmod", 91: "fchmod", 257: "openat", 258: "mkdirat", 263: "unlinkat",
    264: "renameat", 268: "fchmodat", 316: "renameat2",
}  # fmt: skip

_SECCOMP, _SET_MODE_FILTER, _NEW_LISTENER = 317, 1, 1 << 3
_NO_NEW_PRIVILEGES = 38
_ASK, _ALLOW = 0x7FC00000, 0x7FFF0000
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_RECEIVE, _ANSWER, _GO_ON = 0xC0502100, 0xC0182101, 1
_NOTICE = struct.Struct("=QIIiIQ6Q")
_REPLY = struct.Struct("=QqiI")


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def watch_me(numbers: Iterable[int]) -> int:
    """Let these calls of this process, and of all its threads to come, wait for an answer; return the listener."""
    wanted = tuple(numbers)
    lines = [struct.pack("=HBBI", _LOAD, 0, 0, 0)]  # the call's number
    lines += [struct.pack("=HBBI", _JUMP_IF_EQUAL, len(wanted) - at, 0, call) for at, call in enumerate(wanted)]
    lines += [struct.pack("=HBBI", _RETURN, 0, 0, verdict) for verdict in (_ALLOW, _ASK)]
    code = ctypes.create_string_buffer(b"".join(lines))
    program = _Program(len(lines), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no_new_privs was refused")
    listener = int(libc.syscall(_SECCOMP, _SET_MODE_FILTER, _NEW_LISTENER, ctypes.byref(program)))
    if listener < 0:
        raise OSError(ctypes.get_errno(), "the seccomp filter was refused")
    return listener


@dataclass(frozen=True, slots=True)
class Call:
    """A call that waits. `task` is the thread that makes it."""

    id: int
    task: int
    name: str
    arguments: tuple[int, ...]


def calls(listener: int) -> Iterator[Call]:
    """Yield the calls as they come, until the process is gone. Each must be answered, but if the process was killed."""
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    while True:
        ((_, event),) = poll.poll()
        if not event & select.POLLIN:
            return
        notice = bytearray(_NOTICE.size)
        try:
            fcntl.ioctl(listener, _RECEIVE, notice, True)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EINTR):  # killed meanwhile
                continue
            raise
        number, task, _, call, _, _, *arguments = _NOTICE.unpack(notice)
        yield Call(number, task, CALLS[call], tuple(arguments))


def answer(listener: int, call: Call, *, error: int | None = None) -> None:
    """Let the call go on, or let it fail with an error number without being carried out."""
    reply = _REPLY.pack(call.id, 0, -error, 0) if error else _REPLY.pack(call.id, 0, 0, _GO_ON)
    try:
        fcntl.ioctl(listener, _ANSWER, bytearray(reply), True)
    except OSError as refused:
        if refused.errno != errno.ENOENT:  # killed meanwhile
            raise


def text_at(task: int, address: int) -> str:
    """Read a path out of the memory of a task that waits."""
    return bytes_at(task, address, 4096).partition(b"\0")[0].decode(errors="surrogateescape")


def bytes_at(task: int, address: int, size: int) -> bytes:
    """Read memory of a task that waits; less than `size` if no more is mapped."""
    memory = os.open(f"/proc/{task}/mem", os.O_RDONLY)
    try:
        return os.pread(memory, size, address)
    finally:
        os.close(memory)
