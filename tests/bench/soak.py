"""Run it: python -m tests.bench.soak [--minutes 60]. The daemon against the simulator.

Prints what an hour made of its memory and its file descriptors, and what it takes of a core while nothing is new. Exits
with 1 where one of the three is more than it may be; the first tenth of the time is a start and is not counted.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench.measure import written

_LOOK = 10.0  # seconds between two looks
_MEMORY, _IDLE = 1.02, 0.005  # growth that is none; CPU seconds a second
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Look:
    """The daemon at one moment."""

    at: float  # seconds, running
    memory: int  # bytes, written by it: code of libraries is private or shared as others come and go
    descriptors: int
    cpu: float  # seconds since its start


def look(pid: int) -> Look:
    """Look at a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    cpu = (int(fields[11]) + int(fields[12])) / _TICKS
    return Look(time.monotonic(), written(pid), len(list(Path(f"/proc/{pid}/fd").iterdir())), cpu)


def free_port() -> int:
    """Find a port that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@contextmanager
def daemon(folder: Path, every: str) -> Iterator[int]:
    """Run the simulator and the daemon; give the daemon's process id."""
    (folder / "archive").mkdir()
    vendor = f"127.0.0.1:{free_port()}"
    settings = folder / "backupd.toml"
    settings.write_text(
        f"""
        [archive]
        root = "{folder}/archive"
        [poll]
        every = "{every}"
        jitter = "0s"
        [web]
        listen = "127.0.0.1:{free_port()}"
        [orgs.main]
        client_id = "1000.SIMULATED"
        client_secret = "simulated"
        refresh_token = "1000.simulated"
        accounts_url = "http://{vendor}"
        api_domain = "http://{vendor}"
        download_hosts = ["{vendor}"]
        """
    )
    backupd = [sys.executable, "-m", "backupd"]
    simulate = [*backupd, "simulate", "--port", vendor.rpartition(":")[2]]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(simulate, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as simulator,  # noqa: S603  ourselves
    ):
        time.sleep(2)
        process = subprocess.Popen([*backupd, "--config", str(settings)], stderr=log)  # noqa: S603  ourselves
        try:
            yield process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
            simulator.terminate()


def main() -> int:
    """Watch the daemon for so long and judge what was seen."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.soak")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--every", default="10s", help="the time between two polls")
    asked = parser.parse_args()
    minutes = asked.minutes
    looks: list[Look] = []
    with tempfile.TemporaryDirectory() as folder, daemon(Path(folder), asked.every) as pid:
        end = time.monotonic() + 60 * minutes
        while time.monotonic() < end:
            time.sleep(_LOOK)
            looks.append(look(pid))
        cycles = (Path(folder) / "log").read_text().count("cycle.finished")
        failed = (Path(folder) / "log").read_text().count("cycle.failed")
    steady = looks[max(1, len(looks) // 10) :]
    part = max(1, len(steady) // 10)
    memory = median(one.memory for one in steady[-part:]) / median(one.memory for one in steady[:part])
    more = median(one.descriptors for one in steady[-part:]) - median(one.descriptors for one in steady[:part])
    course = ", ".join(f"{one.memory / 1e6:.1f}" for one in looks[:: max(1, len(looks) // 12)])
    idle = (steady[-1].cpu - steady[0].cpu) / (steady[-1].at - steady[0].at)
    sys.stdout.write(
        f"{minutes:g} minutes, {cycles} cycles, {failed} failed\n"
        f"memory written: {steady[-1].memory / 1e6:.1f} MB, {memory:.3f} times the beginning's; on its way: {course}\n"
        f"file descriptors: {steady[-1].descriptors}, {more:+g} since the beginning\n"
        f"CPU: {100 * idle:.2f} % of a core\n"
    )
    return int(memory > _MEMORY or more > 0 or idle > _IDLE or failed > 0)


if __name__ == "__main__":
    sys.exit(main())
