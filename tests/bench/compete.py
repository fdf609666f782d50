"""Lets contestants run in turn, and prints medians, and what ours takes of the others' time."""

import json
import os
import platform
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.contestants import Contestant, Course
from tests.bench.measure import Measured, run, warm_up

Results = dict[str, list[Measured]]


def compete(title: str, contestants: list[Contestant], course: Course, folder: Path, rounds: int) -> Results:
    """Let all run in turn, `rounds` times, and print medians and the ratios to the first, which is ours."""
    results: Results = {one.name: [] for one in contestants}
    served = course.server.cpu()
    for number in range(rounds):
        for one in contestants:
            if number == 0 or not one.once:
                out = fresh(folder / "out")
                warm_up(out, course.size)
                measured = run(one.command(course, out), folder=Path.cwd())
                results[one.name].append(replace(measured, cpu=sum(said(measured).values())) if one.steps else measured)
                shutil.rmtree(out)
    runs = sum(map(len, results.values()))
    served = (course.server.cpu() - served) / runs
    say(f"\n{title}; {rounds} rounds, medians; the server's own CPU is {served:.2f} s a run")
    say(f"{'':48} {'wall':>8} {'CPU':>8} {'peak MB':>8}   ours to it: wall, CPU")
    ours = results[contestants[0].name]
    for one in contestants:
        theirs = results[one.name]
        wall, cpu, peak = (median(getattr(each, key) for each in theirs) for key in ("wall", "cpu", "peak"))
        if one is contestants[0]:
            last = f"without the program's start {median(bare(each) for each in ours):.2f}"
        else:
            last = f"{_ratio(ours, theirs, 'wall', one.wall)}, {_ratio(ours, theirs, 'cpu', one.cpu)}"
        say(f"{one.name:48} {wall:8.2f} {cpu:8.2f} {peak:8.1f}   {last}")
    return results


def said(measured: Measured) -> dict[str, Any]:
    """Return what a program of ours printed: figures by name; a download also which of its blocks were long."""
    printed: dict[str, Any] = json.loads(measured.said)
    return printed


def bare(ours: Measured) -> float:
    """Return the seconds that a run of ours took without the program's start and end."""
    return float(said(ours)["seconds"])


def _ratio(ours: list[Measured], theirs: list[Measured], key: str, most: float | None) -> str:
    """Compare within each round, for the machine's mood changes between rounds; take the median of that."""
    pairs = zip(ours, theirs, strict=False)  # a slow one runs in the first round only
    ratio = median(getattr(our, key) / max(getattr(their, key), 0.01) for our, their in pairs)
    return f"{ratio:.3f}{against(ratio, most)}"


def against(value: float, most: float | None) -> str:
    """Say what was promised, and whether it is kept."""
    return "" if most is None else f" ({'' if value <= most else 'MISSED: '}at most {most:.3g})"


def ours_alone(contestant: Contestant, course: Course, folder: Path) -> Measured:
    """Run once, without rivals."""
    out = fresh(folder / "out")
    warm_up(out, course.size)
    measured = run(contestant.command(course, out), folder=Path.cwd())
    shutil.rmtree(out)
    return measured


def fresh(folder: Path) -> Path:
    """Make an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def machine() -> str:
    """Describe what this runs on."""
    information = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(": ")[2] for line in information if line.startswith("model name")), "")
    flags = next((line for line in information if line.startswith("flags")), "")
    sha = "with" if " sha_ni" in flags else "without"
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    cores = len(os.sched_getaffinity(0))
    return (
        f"{platform.platform()}, Python {platform.python_version()}, {cores} cores of {model} {sha} SHA instructions, "
        f"{memory:.0f} GB; load {os.getloadavg()[0]:.1f}"
    )


def say(text: str) -> None:
    """Print now."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
