"""Run it: python -m tests.bench [--rounds 3] [--size 2000] [--folder DIR] [fast] [slow] [small]; sizes in MB.

`fast`: eight zips over loopback, until they are hashed and checked, against what operators put together.
`slow`: every connection is throttled: one large file, and eight files, against aria2 and rclone.
`small`: 200 small files against curl.
Tools alternate within a round; medians are printed, and ratios to the peers. Needs (apt): nginx aria2 curl rclone
unzip 7zip. Wall time is noisy on shared machines: judge by CPU seconds.
"""

import argparse
import json
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench.data import make
from tests.bench.measure import Measured, run
from tests.bench.server import Server, nginx

_SEVEN_ZIP = shutil.which("7zz") or shutil.which("7z") or "7zz"


@dataclass(frozen=True, slots=True)
class Course:
    """What all contestants of a round fetch."""

    server: Server
    files: list[Path]
    prefix: str = ""  # of the path at the server

    @property
    def urls(self) -> list[str]:
        """The links."""
        return [f"{self.server.url}{self.prefix}/{path.name}" for path in self.files]


Contestant = Callable[[Course, Path], list[str]]


def backupd(files: int, connections: int) -> Contestant:
    """Give our own downloader and check."""

    def command(course: Course, out: Path) -> list[str]:
        arguments = [str(course.server.authority), str(out), str(files), str(connections), *course.urls]
        return [sys.executable, "-m", "tests.bench.fetch", *arguments]

    return command


def shell(script: str) -> Contestant:
    """Give a pipeline; it finds $CA, $OUT, $LIST (a file of links) and $ZIP7."""

    def command(course: Course, out: Path) -> list[str]:
        links = out.parent / "links"
        links.write_text("\n".join(course.urls) + "\n")
        names = {"CA": course.server.authority, "OUT": out, "LIST": links, "ZIP7": _SEVEN_ZIP}
        setting = "".join(f"{name}={shlex.quote(str(value))}; " for name, value in names.items())
        return ["bash", "-euo", "pipefail", "-c", setting + script]

    return command


_ARIA = "aria2c -q --ca-certificate=$CA -x16 -s{split} -k1M -j{files} -d $OUT -i $LIST; "
_CURL = "cd $OUT; sed 's/.*/url=\"&\"\\nremote-name/' $LIST | curl -sS --parallel --cacert $CA -K -; "
_RCLONE = (
    "cd $OUT; for url in $(cat $LIST); do rclone copyurl -q --ca-cert $CA --multi-thread-streams 4 "
    "--multi-thread-cutoff 1M $url $OUT/$(basename $url) & done; wait; "
)
_ONE_CORE = "sha256sum $OUT/*.zip >/dev/null; for zip in $OUT/*.zip; do unzip -tqq $zip; done"
_ALL_CORES = "ls $OUT/*.zip | xargs -P2 -n1 sha256sum >/dev/null; ls $OUT/*.zip | xargs -P2 -n1 $ZIP7 t -bso0"

FAST: dict[str, Contestant] = {
    "backupd": backupd(4, 4),
    "aria2c -x16, sha256sum, unzip -t": shell(_ARIA.format(split=16, files=4) + _ONE_CORE),
    "curl --parallel, sha256sum, 7z t on all cores": shell(_CURL + _ALL_CORES),
}
ONE_SLOW: dict[str, Contestant] = {
    "backupd, 8 connections": backupd(1, 8),
    "backupd, 1 connection": backupd(1, 1),
    "aria2c -x16 -s8": shell(_ARIA.format(split=8, files=1)),
    "rclone, 4 streams": shell(_RCLONE),
}
EIGHT_SLOW: dict[str, Contestant] = {
    "backupd, 16 connections": backupd(8, 16),
    "aria2c -j8 -s2, 16 connections": shell(_ARIA.format(split=2, files=8)),
}
SMALL: dict[str, Contestant] = {
    "backupd": backupd(4, 4),
    "curl --parallel": shell(_CURL),
}


def compete(title: str, contestants: dict[str, Contestant], course: Course, folder: Path, rounds: int) -> None:
    """Let all run in turn, `rounds` times, and print medians and ratios to the first."""
    results: dict[str, list[Measured]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            out = folder / "out"
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir()
            results[name].append(run(contestant(course, out), folder=Path.cwd()))
    _say(f"\n{title}\n{'':48} {'wall':>8} {'CPU':>8} {'peak MB':>8}   ours to it: wall, CPU")
    first = next(iter(results.values()))
    for name, runs in results.items():
        wall, cpu, peak = (median(getattr(one, key) for one in runs) for key in ("wall", "cpu", "peak"))
        ours = [median(getattr(one, key) for one in first) for key in ("wall", "cpu")]
        _say(f"{name:48} {wall:8.2f} {cpu:8.2f} {peak:8.1f}   {ours[0] / wall:.2f}, {ours[1] / max(cpu, 0.01):.2f}")


def floor(course: Course, rounds: int) -> None:
    """Print what the steps alone cost."""
    rows: list[dict[str, float]] = []
    for _ in range(rounds):
        arguments = [str(course.server.authority), str(course.files[0].parent), *course.urls]
        answer = subprocess.run(  # noqa: S603  ourselves
            [sys.executable, "-m", "tests.bench.floor", *arguments], check=True, capture_output=True
        )
        rows.append(json.loads(answer.stdout))
    steps = {step: median(row[step] for row in rows) for step in rows[0]}
    _say(f"\nthe steps alone, CPU seconds: {steps}; together {sum(steps.values()):.2f}")


def fast(folder: Path, rounds: int, size: int) -> None:
    """Eight zips at full speed."""
    files = make(folder / f"fast-{size}", total=size, files=8)
    with nginx(files[0].parent, folder / "nginx") as server:
        course = Course(server, files)
        floor(course, rounds)
        compete(f"{size / 1e9:g} GB in eight zips, https on loopback", FAST, course, folder, rounds)


def slow(folder: Path, rounds: int, size: int) -> None:
    """Throttled connections."""
    one = make(folder / f"one-{size}", total=size // 2, files=1)
    eight = make(folder / f"fast-{size}", total=size, files=8)
    with nginx(one[0].parent, folder / "nginx", rate="4m") as server:
        compete(
            f"one file of {size / 2e9:g} GB, 4 MB/s a connection",
            ONE_SLOW,
            Course(server, one, "/rate"),
            folder,
            rounds,
        )
    with nginx(eight[0].parent, folder / "nginx", rate="2m") as server:
        compete("eight files, 2 MB/s a connection", EIGHT_SLOW, Course(server, eight, "/rate"), folder, rounds)


def small(folder: Path, rounds: int, size: int) -> None:
    """Many small files."""
    del size
    files = make(folder / "small", total=200 * 100_000, files=200)
    with nginx(files[0].parent, folder / "nginx") as server:
        compete("200 files of 100 KB", SMALL, Course(server, files), folder, rounds)


def main() -> None:
    """Run what was asked for, or everything."""
    parts = {"fast": fast, "slow": slow, "small": small}
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("parts", nargs="*", choices=[*parts, []], default=list(parts))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=2000, help="MB, of eight zips together")
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp/backupd-bench"))  # noqa: S108  large, kept
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    model = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "")
    _say(f"{platform.platform()}, Python {platform.python_version()}, {model.partition(': ')[2]}")
    for name in asked.parts:
        parts[name](asked.folder, asked.rounds, asked.size * 1_000_000)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
