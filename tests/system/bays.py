"""Places where the same piece of work is done again and again, each time disturbed in another way.

A bay has a vendor and a nursery of its own, so that several work at the same time.
"""

import asyncio
import random
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from backupd.simulator import Vendor
from tests.system.archived import Archived, archived, half_done, unfinished, whole_files
from tests.system.gate import Decide, Gate, Pass, Step
from tests.system.process import Ended, Nursery, nursery
from tests.system.site import JOB, Site, four_files, new_site, vendor_with

Work = Literal["a new job", "files that appear later"]
WORKS: tuple[Work, ...] = ("a new job", "files that appear later")

_BAYS = 2
_SIZE = 60_000  # bytes a file
_T = TypeVar("_T")


@dataclass(slots=True)
class Bay:
    """Where one archive at a time is worked on."""

    vendor: Vendor
    mother: Nursery
    folder: Path
    work: Work

    async def begin(self) -> Site:
        """Make an archive as it is before the work."""
        site = Site(self.vendor, self.folder / "work")
        shutil.rmtree(site.folder, ignore_errors=True)
        before = self.folder / "before"
        if self.work == "a new job":
            return new_site(self.vendor, site.folder)
        if not before.exists():
            self.vendor.offer(JOB, 2)
            assert (await self.run(new_site(self.vendor, before))).status == 0
            self.vendor.offer(JOB)
        shutil.copytree(before, site.folder)
        return site

    async def run(self, site: Site, decide: Decide | None = None) -> Ended:
        """Run one cycle, behind a gate if something is to be decided; half-done must nothing be afterwards.

        What was whole before must not be asked for.
        """
        whole = whole_files(site.root)
        self.vendor.requests.clear()
        gate = Gate(site.root, decide) if decide is not None else None
        ended = await self.mother.run(*site.once, gate=gate)
        assert half_done(site.root) == []
        asked = {request.path.rpartition("/")[2] for request in self.vendor.asked("download")}
        assert asked & {name for _, name in whole} == set()
        return ended

    async def finish(self, site: Site, expected: Archived) -> Ended:
        """Run one cycle undisturbed: it must do what is left of the work, by itself."""
        ended = await self.run(site)
        assert ended.status == 0, ended.lines
        assert archived(site.root) == expected
        assert unfinished(site.root) == []
        return ended


@asynccontextmanager
async def bays(folder: Path, work: Work) -> AsyncIterator[Sequence[Bay]]:
    """Open the bays."""
    async with AsyncExitStack() as stack:
        made = []
        for number in range(_BAYS):
            vendor = await stack.enter_async_context(vendor_with(four_files(size=_SIZE)))
            made.append(Bay(vendor, await stack.enter_async_context(nursery()), folder / f"bay-{number}", work))
        yield made


async def undisturbed(bay: Bay) -> tuple[Archived, list[Step]]:
    """Do the work once; return its result and its steps."""
    site = await bay.begin()
    gate = Gate(site.root, lambda _: Pass())
    ended = await bay.mother.run(*site.once, gate=gate)
    assert ended.status == 0, ended.lines
    assert half_done(site.root) == unfinished(site.root) == []
    return archived(site.root), gate.steps


async def at_each(
    points: Iterable[_T], bays: Sequence[Bay], attack: Callable[[Bay, _T], Awaitable[str]]
) -> Counter[str]:
    """Attack at each point, in the bays as they are free; count what came of it."""
    left = iter(list(points))
    outcomes: Counter[str] = Counter()

    async def keep_busy(bay: Bay) -> None:
        for point in left:
            try:
                outcomes[await attack(bay, point)] += 1
            except BaseException as error:
                error.add_note(f"attacked at: {point}")
                raise

    async with asyncio.TaskGroup() as group:
        for bay in bays:
            group.create_task(keep_busy(bay))
    return outcomes


def spread(points: Sequence[_T], wanted: str) -> list[_T]:
    """Choose so many points, one out of each stretch, by a chance that their number decides; or `all`."""
    count = len(points) if wanted == "all" else min(int(wanted), len(points))
    chance = random.Random(len(points))
    stretch = len(points) / max(count, 1)
    return (
        [points[int((number + chance.random()) * stretch)] for number in range(count)]
        if count < len(points)
        else list(points)
    )
