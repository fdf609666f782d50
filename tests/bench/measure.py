"""Runs a command and measures it with everything it starts: wall time, CPU seconds, peak private memory."""

import os
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Measured:
    """What a run took."""

    wall: float  # seconds
    cpu: float  # seconds, all processes
    peak: float  # MB, private to the processes, the largest sum seen


def run(command: list[str], *, folder: Path) -> Measured:
    """Run a command to its end. Raises SystemExit if it fails."""
    began = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603  the contestants
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    watch = _Watch(process.pid)
    watch.start()
    _, said = process.communicate()
    wall = time.perf_counter() - began
    watch.stop()
    if process.returncode:
        raise SystemExit(f"{command[:3]} failed ({process.returncode}): {said.decode(errors='replace')[-2000:]}")
    return Measured(wall, watch.cpu, watch.peak / 1e6)


class _Watch(threading.Thread):
    """Looks at a process and its descendants now and then."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._pid = pid
        self._ended = threading.Event()
        self._before = os.times()
        self.cpu = 0.0

    def run(self) -> None:
        while not self._ended.wait(0.03):
            self.peak = max(self.peak, sum(_private(pid) for pid in _tree(self._pid)))

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


def _private(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith(("RssAnon:", "RssShmem:")))
