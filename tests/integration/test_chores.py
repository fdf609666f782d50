"""What the daemon does beside the cycles: each at its own pace, and no failure ends one for good."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

from backupd.core.errors import ArchiveBusy, ArchiveError
from backupd.core.events import ChoreFailed
from backupd.upkeep import Chore, doing
from tests.fakes.clock import FakeClock
from tests.fakes.records import Ear

HOUR = timedelta(hours=1)


class Work:
    """Is done again and again; `ways` says how the first times end."""

    def __init__(self, clock: FakeClock, *ways: Exception, minutes: float = 0) -> None:
        self.clock, self.ways, self.minutes = clock, list(ways), minutes
        self.began = clock.monotonic()
        self.at: list[float] = []
        self.enough = asyncio.Event()

    async def __call__(self) -> None:
        self.at.append(self.clock.monotonic() - self.began)
        if len(self.at) == 3:
            self.enough.set()
            await asyncio.Event().wait()
        self.clock.pass_time(minutes=self.minutes)
        if self.ways:
            raise self.ways.pop(0)


@asynccontextmanager
async def at_work(*ways: Exception, minutes: float = 0):
    clock, ear = FakeClock(), Ear()
    work = Work(clock, *ways, minutes=minutes)
    async with doing([Chore("scrub", "main", HOUR / 2, HOUR, work)], clock, ear):
        await asyncio.wait_for(work.enough.wait(), 5)
    yield work, ear


async def test_a_chore_is_done_again_and_again_and_ends_with_the_daemon():
    async with at_work() as (work, ear):
        assert work.at == [1800, 5400, 9000]
        assert not ear.heard


async def test_work_that_takes_long_does_not_make_the_next_time_later():
    async with at_work(minutes=10) as (work, _):
        assert work.at == [1800, 5400, 9000]


async def test_work_that_takes_longer_than_its_pace_goes_on_at_once():
    async with at_work(minutes=90) as (work, _):
        assert work.at == [1800, 7200, 12600]


async def test_a_failure_is_told_and_tried_again_in_its_time():
    async with at_work(ArchiveError("the disk refused"), ZeroDivisionError()) as (work, ear):
        assert work.at == [1800, 5400, 9000]
        assert [event.kind for event in ear.of(ChoreFailed)] == ["archive", "fault"]


async def test_while_another_holds_the_lock_it_is_tried_sooner_and_nothing_is_told():
    async with at_work(ArchiveBusy("another one is at it")) as (work, ear):
        assert work.at == [1800, 2400, 6000]
        assert not ear.heard
