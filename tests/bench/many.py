"""Run it: python -m tests.bench.many [--counts 10 100000] [--rounds 3] [--folder DIR].

Makes archives of so many snapshots, by the program's own journal and catalog (no command that is measured opens a
manifest, so there are none), and times whole processes on them in turn: what it takes to start (`--version` reads no
settings; `alarms` opens the archive and asks little), then status, list, prune --dry-run and a cycle that finds
nothing new. Prints medians, in seconds and CPU seconds.
"""

import argparse
import asyncio
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from statistics import median

from backupd.catalog import Catalog
from backupd.core.names import CATALOG, JOURNAL
from backupd.journal import Journal
from tests.bench.archive import Place
from tests.bench.measure import Measured, run
from tests.fakes.clock import FakeClock
from tests.fakes.crowd import Crowd

PROGRAM = (sys.executable, "-m", "backupd")
RULES = "keep_last = 30\nkeep_daily = 60\nkeep_weekly = 52\nkeep_monthly = 60\nkeep_yearly = 20\nkeep_within = '30d'"
COMMANDS: dict[str, Sequence[str]] = {
    "start, nothing read": ("--version",),
    "start, archive opened": ("alarms",),
    "status": ("status",),
    "list": ("list",),
    "list --json": ("list", "--json"),
    "prune --dry-run": ("prune", "--dry-run"),
    "prune --dry-run --json": ("prune", "--dry-run", "--json"),
    "a cycle with nothing new": ("--quiet", "--run-once"),
}
_A_DAY = 24  # snapshots; their journal's lines are of one moment


async def fill(place: Place, count: int) -> None:
    """Make a journal and a catalog of so many snapshots, the newest an hour old, unless they are there."""
    root = place.root
    if (root / CATALOG).exists():
        return
    crowd = Crowd(count, until=datetime.now(UTC))
    clock = FakeClock()

    async def open_journal(org: str, *, read_only: bool = True) -> Journal:
        path = root / org / JOURNAL
        return await Journal.open(path, org=org, clock=clock, tell=lambda _: None, read_only=read_only)

    journal = await open_journal("main", read_only=False)
    for first in range(0, count, _A_DAY):
        day = range(first, min(first + _A_DAY, count))
        clock = FakeClock(crowd.taken_at(day[0]))
        journal = await open_journal("main", read_only=False)
        await journal.append(*(fact for n in day for fact in (crowd.links_seen(n), crowd.published(n))))
    catalog = await Catalog.open(root / CATALOG, archive=crowd, journals=open_journal, clock=clock, tell=lambda _: None)
    await catalog.close()


@contextmanager
def vendor(place: Place) -> Iterator[None]:
    """Run a simulated vendor that the settings lead to."""
    command = [*PROGRAM, "simulate", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:  # noqa: S603  our program
        try:
            if process.stdout is None:
                raise SystemExit("the simulator says nothing")
            text = "".join(takewhile(lambda line: not line.startswith("and,"), process.stdout))
            place.configure(f"[retention]\n{RULES}\n{text[text.index('[orgs') :]}")
            yield
        finally:
            process.terminate()


def measure(place: Place, rounds: int) -> dict[str, list[Measured]]:
    """Run every command in turn."""
    program = [*PROGRAM, "--config", str(place.config)]
    run([*program, "--quiet", "--run-once"], folder=Path.cwd())  # what the vendor has, once
    found: dict[str, list[Measured]] = {name: [] for name in COMMANDS}
    for _ in range(rounds):
        for name, arguments in COMMANDS.items():
            found[name].append(run([*program, *arguments], folder=Path.cwd()))
    return found


def main() -> None:
    """Make the archives, measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.many")
    parser.add_argument("--counts", type=int, nargs="+", default=[10, 100_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp/backupd-bench"))  # noqa: S108  large, kept
    asked = parser.parse_args()
    for count in asked.counts:
        place = Place(asked.folder / f"many-{count}")
        with vendor(place):
            asyncio.run(fill(place, count))
            found = measure(place, asked.rounds)
        sys.stdout.write(f"\n{count:,} snapshots\n{'':32} {'seconds':>8} {'CPU':>8} {'peak MB':>8}\n")
        for name, runs in found.items():
            wall, cpu, peak = (median(getattr(one, key) for one in runs) for key in ("wall", "cpu", "peak"))
            sys.stdout.write(f"{name:32} {wall:8.2f} {cpu:8.2f} {peak:8.1f}\n")


if __name__ == "__main__":
    main()
