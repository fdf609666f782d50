"""Lets contestants run in turn, and prints medians, and what ours takes of the others' time."""

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import median

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
                results[one.name].append(run(one.command(course, out), folder=Path.cwd()))
                shutil.rmtree(out)
    runs = sum(map(len, results.values()))
    served = (course.server.cpu() - served) / runs
    say(f"\n{title}; {rounds} rounds, medians; the server's own CPU is {served:.1f} s a run")
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


def bare(ours: Measured) -> float:
    """Return the seconds that a run of ours took without the program's start and end."""
    return float(json.loads(ours.said)["seconds"])


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


def floor(course: Course, folder: Path, rounds: int) -> float:
    """Print what the steps alone cost: one after the other, where both of two such programs have a core, and in turn.

    Return the sum of the first, CPU seconds.
    """
    alone = [steps for _ in range(rounds) for steps in _floors(course, folder, at_once=1)]
    beside = [steps for _ in range(rounds) for steps in _floors(course, folder, at_once=2)]
    turns = [steps for _ in range(rounds) for steps in _floors(course, folder, "--in-turn", at_once=1)]
    say(f"\nthe steps alone, CPU seconds: {_medians(alone)}; together {sum(_medians(alone).values()):.2f}")
    say(f"the same, two programs at once, each: {_medians(beside)}; together {sum(_medians(beside).values()):.2f}")
    say(f"with each block in turn, in one thread: {sum(_medians(turns).values()):.2f}")
    return sum(_medians(alone).values())


def _floors(course: Course, folder: Path, *options: str, at_once: int) -> list[dict[str, float]]:
    out = fresh(folder / "out")
    warm_up(out, at_once * course.size)
    programs = []
    for number in range(at_once):
        arguments = [str(course.server.authority), str(course.files[0].parent), str(fresh(out / str(number)))]
        command = [sys.executable, "-m", "tests.bench.floor", *options, *arguments, *course.urls]
        programs.append(subprocess.Popen(command, stdout=subprocess.PIPE))  # noqa: S603  ourselves
    said = [program.communicate()[0] for program in programs]
    shutil.rmtree(out)
    if any(program.returncode for program in programs):
        raise SystemExit("the floor failed")
    return [json.loads(answer) for answer in said]


def _medians(rows: list[dict[str, float]]) -> dict[str, float]:
    return {step: round(median(row[step] for row in rows), 2) for step in rows[0]}


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
