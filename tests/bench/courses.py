"""The courses on which backupd and its rivals compete: as fast as it goes, slow lines, long lines, small files."""

import os
from dataclasses import replace
from pathlib import Path
from statistics import median

from tests.bench.compete import bare, compete, said, say
from tests.bench.contestants import (
    ALL_CORES,
    ONE_CORE,
    Contestant,
    Course,
    aria2,
    backupd,
    curl,
    floor,
    rclone,
    shell,
    wget,
)
from tests.bench.data import make
from tests.bench.relay import Line, relay
from tests.bench.server import nginx

STEPS = Contestant("the steps alone, one by one, in one thread", floor(), cpu=1.20, steps=True)
FAST = [
    Contestant("backupd", backupd(4, 4)),
    STEPS,
    Contestant("the steps in turn for each block, in one thread", floor("--in-turn"), steps=True),
    Contestant("aria2c -x16, sha256sum, unzip -t", shell(aria2(4, 16) + ONE_CORE), wall=0.22, cpu=0.40),
    Contestant("curl --parallel, sha256sum, unzip -t", shell(curl(8) + ONE_CORE)),
    Contestant("wget, 4 at once, sha256sum, unzip -t", shell(wget(4) + ONE_CORE)),
    Contestant("rclone, 4 streams, sha256sum, unzip -t", shell(rclone(4, 4) + ONE_CORE)),
    Contestant("curl --parallel, sha256sum, 7z t on all cores", shell(curl(8) + ALL_CORES), wall=0.55, cpu=0.55),
    Contestant("aria2c -x16, sha256sum, 7z t on all cores", shell(aria2(4, 16) + ALL_CORES)),
]
ONE = [
    Contestant("backupd, 8 connections", backupd(1, 8)),
    Contestant("aria2c, 8 connections", shell(aria2(1, 8))),
    Contestant("rclone, 8 streams", shell(rclone(1, 8))),
    Contestant("rclone, 4 streams", shell(rclone(1, 4))),
]
SINGLE = Contestant("backupd, 1 connection", backupd(1, 1), wall=1 / 6, once=True)
EIGHT = [
    Contestant("backupd, 8 files, 16 connections in all", backupd(8, 16)),
    Contestant("aria2c, 8 files, 2 connections each", shell(aria2(8, 2))),
    Contestant("rclone, 4 files, 4 streams each", shell(rclone(4, 4))),
    Contestant("curl --parallel, 8 connections", shell(curl(8))),
]
SMALL = [
    Contestant("backupd, 4 connections", backupd(4, 4)),
    Contestant("curl --parallel --parallel-max 4", shell(curl(4)), wall=1 / 0.8),
    replace(STEPS, command=floor("--small"), cpu=None),
    Contestant("aria2c, 4 connections", shell(aria2(4, 1))),
    Contestant("curl --parallel, sha256sum, 7z t on all cores", shell(curl(4) + ALL_CORES), wall=1 / 0.8),
]


def fast(folder: Path, rounds: int, size: int) -> None:
    """Eight zips at full speed, hashed and checked, against what operators put together; and the steps alone."""
    files = make(folder / f"fast-{size}", total=size, files=8)
    with nginx(files[0].parent, folder / "nginx") as server:
        course = Course(server, files)
        results = compete(f"{size / 1e9:g} GB in eight zips, https on loopback", FAST, course, folder, rounds)
    ours, alone = results["backupd"], results[STEPS.name]
    steps = [said(one) for one in alone]
    each = ", ".join(f"{step} {median(one[step] for one in steps):.2f}" for step in steps[0])
    say(f"the steps alone, CPU seconds: {each}")
    started = median(said(our)["cpu"] / theirs.cpu for our, theirs in zip(ours, alone, strict=True))
    say(f"ours to the steps alone, without the start of the program: CPU {started:.3f}")


def slow(folder: Path, rounds: int, size: int) -> None:
    """Every connection is throttled: one large file, and eight files, at 2, 4 and 8 MB a second."""
    one = make(folder / f"one-{size}", total=size // 2, files=1)
    eight = make(folder / f"fast-{size}", total=size, files=8)
    for rate in (2, 4, 8):
        with nginx(one[0].parent, folder / "nginx", rate=f"{rate}m") as server:
            course = Course(server, one, "/rate")
            rivals = _against_aria2(ONE, 1.0 if rate == 4 else None) + ([SINGLE] if rate == 4 else [])
            compete(f"one file of {size / 2e9:g} GB, {rate} MB/s a connection", rivals, course, folder, rounds)
        with nginx(eight[0].parent, folder / "nginx", rate=f"{rate}m") as server:
            course = Course(server, eight, "/rate")
            rivals = _against_aria2(EIGHT, 1.0)
            compete(f"eight files of {size / 8e9:g} GB, {rate} MB/s a connection", rivals, course, folder, rounds)


def delay(folder: Path, rounds: int, size: int) -> None:
    """A long line, 100 ms each way, by our own relay: the same, also with losses."""
    one = make(folder / f"one-{size}", total=size // 2, files=1)
    eight = make(folder / f"fast-{size}", total=size, files=8)
    for loss in (0.0, 0.001):
        line = Line(0.1, loss=loss)
        says = f"100 ms each way, a window of {line.window / 1e6:g} MB" + (f", {loss:.1%} lost" if loss else "")
        for title, files, rivals in (("one file", one, ONE), ("eight files", eight, EIGHT)):
            with nginx(files[0].parent, folder / "nginx") as server, relay(server.port, line) as port:
                course = Course(replace(server, port=port), files)
                compete(f"{title}, {says}", _against_aria2(rivals, 1.05), course, folder, rounds)


def small(folder: Path, rounds: int, size: int) -> None:
    """200 small files over 4 connections: on loopback, and with a realistic round trip of 20 ms."""
    del size
    files = make(folder / "small", total=200 * 100_000, files=200)
    for way in (0.0, 0.01):
        with nginx(files[0].parent, folder / "nginx") as server, relay(server.port, Line(way)) as port:
            course = Course(replace(server, port=port) if way else server, files)
            title = f"200 files of 100 KB, a round trip of {2000 * way:g} ms"
            results = compete(title, SMALL, course, folder, rounds)
        ours, curls, alone = (results[one.name] for one in SMALL[:3])
        rate, started, theirs = (
            median(len(files) / seconds for seconds in runs)
            for runs in ((one.wall for one in ours), map(bare, ours), (one.wall for one in curls))
        )
        say(f"files a second: {rate:.0f}, without the start of the program {started:.0f}, curl {theirs:.0f}")
        for name, seconds in (("with", [one.wall for one in ours]), ("without", list(map(bare, ours)))):
            value = median(their.wall / our for our, their in zip(seconds, curls, strict=True))
            kept = "" if value >= 0.8 else "MISSED: "
            say(f"of curl's rate in the same round, {name} the start: {value:.2f} ({kept}at least 0.8)")
        if not way:
            cores = len(os.sched_getaffinity(0))
            best = median(curl.wall / (steps.cpu / cores) for curl, steps in zip(curls, alone, strict=True))
            say(f"the steps alone, spread over {cores} cores, no start, no server: {best:.2f} of curl's rate at best")


def _against_aria2(rivals: list[Contestant], wall: float | None) -> list[Contestant]:
    return [replace(one, wall=wall) if one.name.startswith("aria2c") else one for one in rivals]
