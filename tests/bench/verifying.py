"""Run it: python -m tests.bench.verifying [--rounds 3] [--size 10000] [--each 125] [--folder DIR]; in MB.

An archive is made once and kept: snapshots of four zips, half of them CSV, half of them stored attachments. Then, in
turn and from the page cache: `backupd verify --all`; `sha256sum` and `7zz t` on all cores; `sha256sum` and `unzip -t`
on all cores, and on one. Needs (apt): unzip 7zip. Judge by the ratios of one run: all contestants share the load.
"""

import argparse
import asyncio
import os
import shlex
import sys
from pathlib import Path
from statistics import median

from tests.bench.archive import Place, publish
from tests.bench.measure import Measured, run

_CORES = len(os.sched_getaffinity(0))
_FILES = 4  # in each snapshot
_EACH_FILE = "find {root} -name '*.zip' -print0 | xargs -0 -n1 -P{cores} sh -c 'sha256sum $0 && {test} $0' > /dev/null"


def contestants(place: Place) -> dict[str, list[str]]:
    """Give the command lines, by name."""
    ours = [sys.executable, "-m", "backupd", "--config", str(place.config), "verify", "--all"]
    return {
        "backupd verify --all": ours,
        f"sha256sum, 7zz t, {_CORES} at once": _shell(place, "7zz t -bso0 -bsp0", _CORES),
        f"sha256sum, unzip -t, {_CORES} at once": _shell(place, "unzip -tqq", _CORES),
        "sha256sum, unzip -t, one by one": _shell(place, "unzip -tqq", 1),
    }


def _shell(place: Place, test: str, cores: int) -> list[str]:
    script = _EACH_FILE.format(root=shlex.quote(str(place.root / "main")), test=test, cores=cores)
    return ["bash", "-euo", "pipefail", "-c", script]


def main() -> None:
    """Make the archive, let all run in turn, and print medians and ratios."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.verifying")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=10_000, help="MB, of all zips together")
    parser.add_argument("--each", type=float, default=125, help="MB, of one zip, roughly")
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp/backupd-bench"))  # noqa: S108  large, kept
    asked = parser.parse_args()
    place = Place(asked.folder / f"verify-{asked.size}-{asked.each:g}")
    snapshots = max(1, round(asked.size / asked.each / _FILES))
    zips = asyncio.run(publish(place, snapshots=snapshots, files=_FILES, size=asked.size * 1_000_000))
    size = sum(path.stat().st_size for path in zips)
    for path in zips:
        _warm(path)
    results: dict[str, list[Measured]] = {name: [] for name in contestants(place)}
    for _ in range(asked.rounds):
        for name, command in contestants(place).items():
            results[name].append(run(command, folder=Path.cwd()))
    _report(results, f"{size / 1e9:.2f} GB in {len(zips)} zips of {snapshots} snapshots, {_CORES} cores", size)


def _warm(path: Path) -> None:
    with path.open("rb", buffering=0) as file:
        while file.read(1 << 20):
            pass


def _report(results: dict[str, list[Measured]], title: str, size: int) -> None:
    sys.stdout.write(
        f"{title}\n{'':40} {'wall':>7} {'MB/s':>6} {'CPU':>7} {'peak MB':>8}   our speed to it: wall, CPU\n"
    )
    first = next(iter(results.values()))
    ours = {key: median(getattr(one, key) for one in first) for key in ("wall", "cpu")}
    for name, runs in results.items():
        wall, cpu, peak = (median(getattr(one, key) for one in runs) for key in ("wall", "cpu", "peak"))
        ratios = f"{wall / ours['wall']:.2f}, {cpu / ours['cpu']:.2f}"
        sys.stdout.write(f"{name:40} {wall:7.2f} {size / wall / 1e6:6.0f} {cpu:7.2f} {peak:8.1f}   {ratios}\n")


if __name__ == "__main__":
    main()
