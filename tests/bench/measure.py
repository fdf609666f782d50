"""Runs a command and measures it with everything it starts: wall time, CPU seconds, peak private memory."""

import os
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

_LOOK = 0.05  # seconds between two looks at the memory
_SPARE = 1.3  # times as much memory as the contestant fills
_MOST_WARM = 5_000_000_000  # bytes; who fetches more removes files as they are whole
_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""A program that is installed has its bytecode: it does not compile itself at each start."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a run took, and what it said on stdout."""

    wall: float  # seconds
    cpu: float  # seconds, all processes
    peak: float  # MB, private to the processes, the largest sum seen
    written: float  # MB, the same of what they wrote; does not depend on who else runs
    said: str


def warm_up(folder: Path, size: int) -> None:
    """Have the machine's free memory at hand for writing `size` bytes.

    A virtual machine gives free memory back to its host after seconds; its first use then costs several times the
    writing (2 s a GB were seen), and whoever ran right after another was spared it.
    """
    scratch, block = folder / "warm", bytes(1_000_000)
    with scratch.open("wb", buffering=0) as file:
        for _ in range(min(int(_SPARE * size), _MOST_WARM) // len(block)):
            file.write(block)
    scratch.unlink()


def run(command: list[str], *, folder: Path) -> Measured:
    """Run a command to its end. Raises SystemExit if it fails."""
    began = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603  the contestants
        command,
        cwd=folder,
        env=_ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    watch = _Watch(process.pid)
    watch.start()
    said, complained = process.communicate()
    wall = time.perf_counter() - began
    watch.stop()
    if process.returncode:
        raise SystemExit(f"{command[:3]} failed ({process.returncode}): {complained[-2000:]}")
    return Measured(wall, watch.cpu, watch.peak / 1e6, watch.written / 1e6, said)


class _Watch(threading.Thread):
    """Looks at a process and its descendants now and then."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak = self.written = 0
        self._pid = pid
        self._ended = threading.Event()
        self._before = os.times()
        self.cpu = 0.0

    def run(self) -> None:
        while not self._ended.wait(_LOOK):
            pids = _tree(self._pid)
            self.peak = max(self.peak, sum(map(private, pids)))
            self.written = max(self.written, sum(map(written, pids)))

    def stop(self) -> None:
        after = os.times()
        before = self._before
        self.cpu = after.children_user + after.children_system - before.children_user - before.children_system
        self._ended.set()
        self.join()


def _tree(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        try:
            for task in Path(f"/proc/{one}/task").iterdir():
                found.extend(int(child) for child in (task / "children").read_text().split())
        except OSError:
            continue
    return found


def private(pid: int) -> int:
    """Return the bytes in memory that only this process has: its own data, and code that no other runs now."""
    return _summed(pid, "Private_Clean:", "Private_Dirty:")


def written(pid: int) -> int:
    """Return the bytes in memory that the process wrote. Unlike `private`, this does not depend on who else runs."""
    return _summed(pid, "Private_Dirty:")


def _summed(pid: int, *kinds: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith(kinds))
