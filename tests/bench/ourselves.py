"""What backupd must keep to whoever its rivals are: memory, the event loop, and what telling of progress costs."""

import shutil
import timeit
from pathlib import Path
from statistics import median

from backupd.core.model import FileId, JobId, Kind, Link
from backupd.download.blocks import BLOCK
from backupd.download.progress import Progress
from tests.bench.compete import against, compete, ours_alone, said, say
from tests.bench.contestants import Contestant, Course, backupd
from tests.bench.data import make
from tests.bench.listening import LONG
from tests.bench.server import nginx

_MOST = 80.0  # MB
_GROWTH = 1.05  # of the largest to the smallest, or of the larger ones to the first
_RATE = "40m"  # bytes a second, of a connection: so slow that one file, too, takes all four


def memory(folder: Path, rounds: int, size: int) -> None:
    """Peak memory for 2 GB, for ten times as much, and for one file of 10 GB: the same over as many connections."""
    del rounds
    courses = {
        f"{size / 1e9:g} GB in eight files": (size, 8),
        f"{size / 1e8:g} GB in eight files": (10 * size, 8),
        f"one file of {size / 2e8:g} GB": (5 * size, 1),
    }
    say("\npeak memory, private to the process, and what of that it wrote; 4 files at once, 4 connections")
    say(f"{'':48} {'peak MB':>8} {'written':>8} {'wall':>8}")
    alike, at_once = [], []
    for number, (title, (total, files)) in enumerate(courses.items()):
        source = folder / f"memory-{number}"
        zips = make(source, total=total, files=files, distinct=2)
        with nginx(source, folder / "nginx", rate=_RATE) as server:
            alike.append(_written(f"{title}, {_RATE} a connection", Course(server, zips, "/rate"), folder))
            at_once.append(_written(title, Course(server, zips), folder))
        shutil.rmtree(source)
    spread = max(alike) / min(alike)
    say(f"written over four connections, the most to the least: {spread:.3f}{against(spread, _GROWTH)}")
    grown = max(at_once[1:]) / at_once[0]
    say(f"written at full speed, the most of the others to the first: {grown:.3f}{against(grown, _GROWTH)}")
    say("at full speed one file takes one connection, which is enough, and its memory")


def _written(title: str, course: Course, folder: Path) -> float:
    measured = ours_alone(Contestant(title, backupd(4, 4, "discard")), course, folder)
    figures = f"{measured.peak:8.1f} {measured.written:8.1f} {measured.wall:8.1f}"
    say(f"{title:48} {figures}{against(measured.peak, _MOST)}")
    return measured.written


def loop(folder: Path, rounds: int, size: int) -> None:
    """How long the event loop is blocked at the longest, by asyncio's own log, in eight zips at full speed."""
    files = make(folder / f"fast-{size}", total=size, files=8)
    with nginx(files[0].parent, folder / "nginx") as server:
        watched = Contestant("backupd", backupd(4, 4, "watch_loop"))
        rounds_said = [said(ours_alone(watched, Course(server, files), folder)) for _ in range(rounds)]
    longest = [one["longest_block"] for one in rounds_said]
    say(f"\nthe event loop's longest block in each round, ms: {[round(1000 * one) for one in longest]}")
    say(f"longest: {1000 * max(longest):.0f} ms{against(1000 * max(longest), 1000 * LONG)}")
    for block in (block for one in rounds_said for block in one["long_blocks"]):
        say(f"  {block}")


def progress(folder: Path, rounds: int, size: int) -> None:
    """What telling of progress costs, with the log, metrics, bars on a terminal and two pages that hear of it."""
    files = make(folder / f"fast-{size}", total=size, files=8)
    rivals = [
        Contestant("backupd, everybody listens", backupd(4, 4, "all_listen")),
        Contestant("backupd, nobody listens", backupd(4, 4)),
        Contestant("backupd, no progress told", backupd(4, 4, "no_progress")),
    ]
    with nginx(files[0].parent, folder / "nginx") as server:
        results = compete(f"{size / 1e9:g} GB, and who hears of it", rivals, Course(server, files), folder, rounds)
    figures = [said(one) for one in results[rivals[0].name]]
    events, seconds, cpu = (median(one[key] for one in figures) for key in ("events", "event_seconds", "cpu"))
    say(
        f"{events:.0f} events, {1e6 * seconds / max(1, events):.0f} µs each for all listeners: "
        f"{seconds / cpu:.2%} of the CPU"
    )
    counted = _counting() * size / BLOCK
    say(f"counting at each of about {size / BLOCK:.0f} reads: {1000 * counted:.0f} ms, {counted / cpu:.2%} of the CPU")


def _counting() -> float:
    """Return what it costs to take note of one read, in seconds."""
    link = Link(JobId("1", "1"), FileId(Kind.DATA, "Data_001.zip"), "")
    told = Progress("bench", link, lambda event: None)
    told.tell(0.0, in_hand=0, total=None, resumed=0)
    return min(timeit.repeat(lambda: told.received(BLOCK, 0.1), number=10_000, repeat=5)) / 10_000
