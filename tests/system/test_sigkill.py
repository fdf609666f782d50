"""Killed at random moments of a job of four files and started again: the same archive, and nothing whole fetched twice.

Half of the moments lie on the line (so many bytes after the start), half on the disk (so many steps after the start):
so downloads, checks, publishing and the records that follow are all hit. Each archive is killed until it is done.
"""

import asyncio
import random
import signal
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from backupd.core.slot import Slot
from backupd.download.record import boot_id, read
from backupd.simulator import Recorded
from tests.system.archived import archived, half_done, unfinished, whole_files
from tests.system.gate import AtStep, Gate
from tests.system.process import Ended, Nursery, nursery
from tests.system.site import FOUR, Site, four_files, new_site, vendor_with

pytestmark = [pytest.mark.system, pytest.mark.crash, pytest.mark.timeout(900)]

SIZE = 3_000_000  # bytes a file
PACE = 8_000_000  # bytes a second, all downloads together
STEPS = 380  # that a cycle makes on the disk, nearly
LINES = 2  # archives that are worked on at the same time
CONNECTIONS = 4
MOST_WASTED = 1_000_000  # bytes that a kill may cost a connection


@dataclass(slots=True)
class Tally:
    """What the kills of one line of archives hit, and what they cost."""

    kills: int = 0
    archives: int = 0
    downloading: int = 0
    publishing: int = 0
    wasted: list[int] = field(default_factory=list)  # bytes fetched again, of each kill


async def test_killed_at_random_moments_the_same_archive_results(tmp_path: Path, request: pytest.FixtureRequest):
    kills = request.config.getoption("--kills")
    async with vendor_with(four_files(size=SIZE)) as vendor, nursery() as mother:
        whole = new_site(vendor, tmp_path / "never-killed")
        assert (await mother.run(*whole.once)).status == 0
    lines = [Line(tmp_path / str(number), kills // LINES, random.Random(number), whole.root) for number in range(LINES)]
    async with asyncio.TaskGroup() as group:
        for line in lines:
            group.create_task(line.run())

    for line in lines:
        print(line.tally)  # noqa: T201  (figures, for whoever runs it with -s)
    assert sum(line.tally.downloading for line in lines) >= kills // 4
    assert max(cost for line in lines for cost in line.tally.wasted) <= CONNECTIONS * MOST_WASTED


class Line:
    """Archives one after the other; each is killed until it is done, until there were enough kills."""

    def __init__(self, folder: Path, kills: int, chance: random.Random, whole: Path) -> None:
        self.tally = Tally()
        self._folder = folder
        self._kills = kills
        self._chance = chance
        self._expected = archived(whole)
        self._sizes = {path.name: path.stat().st_size for path in whole.glob("[a-z]*/*/*/*/*.zip")}

    async def run(self) -> None:
        async with vendor_with(four_files(size=SIZE)) as vendor, nursery() as mother:
            vendor.set_pace(total=PACE)
            while self.tally.kills < self._kills:
                site = new_site(vendor, self._folder / str(self.tally.archives))
                while await self._is_killed(site, mother):
                    pass
                self.tally.archives += 1
                assert archived(site.root) == self._expected
                assert unfinished(site.root) == []

    async def _is_killed(self, site: Site, mother: Nursery) -> bool:
        """Run the program and kill it at some moment; False if it had done its work before."""
        vendor, whole, before = site.vendor, whole_names(site.root), self._in_hand(site.root)
        vendor.requests.clear()
        ended = await self._run(site, mother)
        await vendor.until(lambda: all(request.done for request in vendor.requests))

        assert half_done(site.root) == []
        sent = sent_of(vendor.asked("download"))
        assert whole & sent.keys() == set()
        if ended.status == 0:
            return False
        assert ended.status == -signal.SIGKILL, ended
        after = self._in_hand(site.root)
        self.tally.kills += 1
        self.tally.downloading += bool(sent.keys() - whole_names(site.root))
        self.tally.publishing += any(site.root.glob(".staging/*/*/publishing.json"))
        self.tally.wasted.append(sum(before[name] + count - after[name] for name, count in sent.items()))
        return True

    def _in_hand(self, root: Path) -> Counter[str]:
        """Return how many bytes of each file the next run need not fetch: all, or what the resume record says."""
        counts = Counter({name: self._sizes[name] for name in whole_names(root)})
        for record in root.glob(".staging/*/*/parts/*/*.resume"):
            found = read(Slot(part=record.with_suffix(".part"), resume=record), boot_id())
            if record.stem not in counts:
                counts[record.stem] = found.ranges.size if found else 0
        return counts

    async def _run(self, site: Site, mother: Nursery) -> Ended:
        if self.tally.kills == self._kills:
            return await mother.run(*site.once)
        if self._chance.random() < 0.5:
            return await mother.run(*site.once, gate=Gate(site.root, AtStep(self._chance.randrange(1, STEPS))))
        size = self._chance.randrange(1, SIZE * len(FOUR) // 2)
        running = await mother.start(*site.once)
        hunter = asyncio.create_task(site.vendor.until(lambda: sent_in_all(site) >= size, within=60))
        hunter.add_done_callback(lambda task: None if task.cancelled() else running.signal(signal.SIGKILL))
        ended = await running.ended()
        hunter.cancel()
        return ended


def whole_names(root: Path) -> set[str]:
    return {name for _, name in whole_files(root)}


def sent_of(requests: list[Recorded]) -> Counter[str]:
    """Return how many bytes of each file that was asked for were sent."""
    counts: Counter[str] = Counter()
    for request in requests:
        counts[request.path.rpartition("/")[2]] += request.sent
    return counts


def sent_in_all(site: Site) -> int:
    return sum(request.sent for request in site.vendor.requests)
