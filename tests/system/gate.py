"""A gate in front of every change of the disk that the program makes: let it pass, let it fail, or kill the program.

A step is a call on something below the archive's root. It is named by what it does to which file for the how-manieth
time, so that the same step is found again in another run, although threads may change the order of all steps.
"""

import os
import re
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.system.seccomp import Call, answer, bytes_at, calls, text_at

_CREATE = os.O_CREAT
_HERE = 2**64 - 100, 2**32 - 100  # AT_FDCWD, as a register may hold it


@dataclass(frozen=True, slots=True, order=True)
class Step:
    """A call, the file it is about (relative to the root), and how often both came together so far (from 1)."""

    call: str
    path: str
    nth: int

    def __str__(self) -> str:
        return f"{self.call} {self.path} #{self.nth}"


@dataclass(frozen=True, slots=True)
class Pass:
    """Let the step be done."""


@dataclass(frozen=True, slots=True)
class Kill:
    """Kill the program before the step; of a write, half of the bytes are written, unless it is not to be `torn`."""

    torn: bool = True


@dataclass(frozen=True, slots=True)
class Fail:
    """Let the step fail with this error number."""

    error: int


Verdict = Pass | Kill | Fail
Decide = Callable[[Step], Verdict]


class AtStep:
    """Kills at the n-th step, whatever it is."""

    def __init__(self, number: int) -> None:
        self._left = number

    def __call__(self, _: Step) -> Verdict:
        self._left -= 1
        return Kill() if self._left == 0 else Pass()


class Gate:
    """Stands between one process and the disk until the process has ended. `steps` is what came, in its order."""

    def __init__(self, root: Path, decide: Decide) -> None:
        self.steps: list[Step] = []
        self.fell = False  # whether a step did not simply pass
        self._root = f"{root}/"
        self._decide = decide
        self._seen: Counter[tuple[str, str]] = Counter()

    def watch(self, listener: int, pid: int) -> None:
        """Answer for every call of the process. Blocks until its end."""
        try:
            for call in calls(listener):
                step = self._step(call, pid)
                verdict = Pass() if step is None else self._decide(step)
                self.fell |= not isinstance(verdict, Pass)
                match verdict:
                    case Pass():
                        answer(listener, call)
                    case Fail(error):
                        answer(listener, call, error=error)
                    case Kill(torn):
                        if torn:
                            _tear(call)
                        os.kill(pid, signal.SIGKILL)
        finally:
            os.close(listener)

    def _step(self, call: Call, pid: int) -> Step | None:
        """Name the step; None if it is none of ours."""
        try:
            path = _path_of(call)
        except (FileNotFoundError, ProcessLookupError):  # ended meanwhile: the call is never carried out
            return None
        if path is None or not path.startswith(self._root) or (call.name == "openat" and not _creates(call)):
            return None
        name = re.sub(rf"(?<!\d){pid}(?!\d)", "PID", path.removeprefix(self._root))
        self._seen[call.name, name] += 1
        step = Step(call.name, name, self._seen[call.name, name])
        self.steps.append(step)
        return step


def _path_of(call: Call) -> str | None:
    one, two, three, four = call.arguments[:4]
    match call.name:
        case "write" | "pwrite64" | "fsync" | "fdatasync" | "ftruncate" | "fchmod":
            return _behind(call.task, one)
        case "rename":
            return text_at(call.task, two)
        case "renameat" | "renameat2":
            return _at(call.task, three, four)
        case "openat" | "mkdirat" | "unlinkat" | "fchmodat":
            return _at(call.task, one, two)
        case _:
            return text_at(call.task, one)


def _at(task: int, folder: int, address: int) -> str | None:
    path = text_at(task, address)
    if path.startswith("/") or folder in _HERE:
        return path
    above = _behind(task, folder)
    return None if above is None else f"{above}/{path}"


def _behind(task: int, descriptor: int) -> str | None:
    try:
        return str(Path(f"/proc/{task}/fd/{descriptor & 0xFFFFFFFF}").readlink())
    except OSError:
        return None


def _creates(call: Call) -> bool:
    return bool(call.arguments[2] & _CREATE)


def _tear(call: Call) -> None:
    """Write the first half of what the call would have written."""
    if call.name not in ("write", "pwrite64"):
        return
    descriptor, address, size, offset = call.arguments[:4]
    about = dict(
        line.split(":", 1) for line in Path(f"/proc/{call.task}/fdinfo/{descriptor}").read_text().splitlines()[:2]
    )
    appends = int(about["flags"], 8) & os.O_APPEND
    target = os.open(f"/proc/{call.task}/fd/{descriptor}", os.O_WRONLY | appends)
    try:
        half = bytes_at(call.task, address, size)[: size // 2]
        if call.name == "pwrite64":
            os.pwrite(target, half, offset)
        elif appends:
            os.write(target, half)
        else:
            os.pwrite(target, half, int(about["pos"]))
    finally:
        os.close(target)
