"""The daemon's loop: when cycles run, what ends them, and what a clock may do to it."""

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import time_machine

from backupd.core import events
from backupd.core.errors import ConfigurationError
from backupd.core.exits import Exit
from backupd.service import Generation, Service
from tests.fakes.clock import START


@dataclass
class Done:
    """How a fake cycle ended."""

    exit_status: Exit


@dataclass
class FakeCycle:
    """Counts its runs; `endings` says how each goes, `hold` lets it hang."""

    runs: int = 0
    endings: list[Exit] = field(default_factory=list)
    hold: asyncio.Event | None = None
    cancelled: int = 0

    async def run(self) -> Done:
        self.runs += 1
        if self.hold is not None:
            try:
                await self.hold.wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
        ending = self.endings.pop(0) if self.endings else Exit.OK
        return Done(ending)


class TravelClock:
    """The real functions' time, which time-machine moves; a sleep ends when a test says `tick`."""

    def __init__(self) -> None:
        self.running = 0.0
        self.ticks = asyncio.Event()
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return self.running

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await self.ticks.wait()
        self.ticks.clear()


@dataclass
class Watched:
    """Keeps what the service said of itself."""

    said: list[str] = field(default_factory=list)
    polls: dict[str, datetime] = field(default_factory=dict)
    beats: int = 0

    async def ready(self) -> None:
        self.said.append("ready")

    async def alive(self) -> None:
        self.beats += 1

    async def reloading(self) -> None:
        self.said.append("reloading")

    async def stopping(self) -> None:
        self.said.append("stopping")

    async def planned(self, next_polls) -> None:
        self.polls = dict(next_polls)


class Daemon:
    """A service under test, on a clock that stands still until it is moved."""

    def __init__(self, traveller: time_machine.Traveller, *cycles: str) -> None:
        self.traveller = traveller
        self.clock = TravelClock()
        self.cycles = {name: FakeCycle() for name in cycles or ("main",)}
        self.told: list[events.Event] = []
        self.watched = Watched()
        self.next: Generation | Exception = ConfigurationError("poll.every is not a duration")
        self.closed = 0
        self.service = Service(self.clock, self.told.append, self.watched, self._reload, "0.0")

    def generation(self, **cycles: FakeCycle) -> Generation:
        return Generation(cycles or dict(self.cycles), timedelta(hours=6), timedelta(0), self._close)

    async def _close(self) -> None:
        self.closed += 1

    async def _reload(self) -> Generation:
        if isinstance(self.next, Exception):
            raise self.next
        return self.next

    async def pass_time(self, *, suspended: bool = False, **duration: float) -> None:
        self.traveller.shift(timedelta(**duration))
        self.clock.running += 0 if suspended else timedelta(**duration).total_seconds()
        self.clock.ticks.set()
        await settle()


def has_run(cycle: FakeCycle, times: int) -> bool:
    return cycle.runs == times


async def settle() -> None:
    """Let everything that can go on go on; APScheduler's wake-up goes through the loop's clock with no delay."""
    for _ in range(50):
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 (what is waited for is the service's own doing, which tells no event)
            await asyncio.sleep(0.001)


@pytest.fixture
async def daemon():
    with time_machine.travel(START, tick=False) as traveller:
        daemon = Daemon(traveller)
        task = asyncio.create_task(daemon.service.run(daemon.generation()))
        await until(lambda: daemon.cycles["main"].runs == 1 and not daemon.service.running)
        yield daemon
        daemon.service.stop("test")
        await task


async def test_the_first_cycle_runs_at_once_and_the_next_one_when_it_is_due(daemon):
    cycle = daemon.cycles["main"]

    await daemon.pass_time(hours=5)
    assert cycle.runs == 1
    await daemon.pass_time(hours=1, seconds=1)
    await until(lambda: cycle.runs == 2)


async def test_while_a_long_cycle_runs_the_plan_is_not_left_behind(daemon):
    cycle = daemon.cycles["main"]
    cycle.hold = asyncio.Event()

    await daemon.pass_time(hours=6, seconds=1)
    await until(lambda: cycle.runs == 2)

    for _ in range(3):
        await daemon.pass_time(hours=6, seconds=1)
        await until(lambda: daemon.watched.polls["main"] > daemon.clock.now())

    assert cycle.runs == 2
    cycle.hold.set()


async def test_over_simulated_days_every_poll_happens_once(daemon):
    cycle = daemon.cycles["main"]

    for poll in range(2, 30):
        await daemon.pass_time(hours=6, seconds=1)
        await until(partial(has_run, cycle, poll))
        await until(lambda: not daemon.service.running)

    assert cycle.runs == 29


async def test_after_a_suspend_one_cycle_runs_and_not_one_for_each_poll_that_was_slept_through(daemon):
    cycle = daemon.cycles["main"]

    await daemon.pass_time(days=3, suspended=True)
    await until(lambda: cycle.runs == 2)
    await settle()

    assert cycle.runs == 2
    assert any(isinstance(event, events.ClockJumped) for event in daemon.told)


async def test_a_clock_set_back_by_two_days_does_not_stall_the_polls(daemon):
    cycle = daemon.cycles["main"]

    await daemon.pass_time(hours=-48, suspended=True)

    await until(lambda: cycle.runs == 2)
    await until(lambda: daemon.watched.polls["main"] <= daemon.clock.now() + timedelta(hours=6, minutes=1))


async def test_a_failed_cycle_is_tried_again_sooner_and_a_good_one_returns_to_the_rhythm(daemon):
    cycle = daemon.cycles["main"]
    cycle.endings = [Exit.UNAVAILABLE, Exit.TRY_LATER, Exit.OK]

    await daemon.pass_time(hours=6, seconds=1)
    await until(lambda: cycle.runs == 2)
    await daemon.pass_time(minutes=1, seconds=1)
    await until(lambda: cycle.runs == 3)
    await daemon.pass_time(minutes=2, seconds=1)
    await until(lambda: cycle.runs == 4)
    await daemon.pass_time(minutes=30)
    await settle()

    assert cycle.runs == 4


async def test_a_long_cycle_is_not_started_twice(daemon):
    cycle = daemon.cycles["main"]
    cycle.hold = asyncio.Event()

    await daemon.pass_time(hours=6, seconds=1)
    await until(lambda: cycle.runs == 2)
    await daemon.pass_time(hours=6, seconds=1)
    await settle()
    assert cycle.runs == 2

    cycle.hold.set()
    await until(lambda: not daemon.service.running)


async def test_a_poll_that_comes_due_while_a_cycle_ends_is_made_up_for_once(daemon):
    cycle = daemon.cycles["main"]
    cycle.hold = asyncio.Event()
    await daemon.pass_time(hours=6, seconds=1)
    await until(lambda: cycle.runs == 2)
    for _ in range(2):
        await daemon.pass_time(hours=6, seconds=1)
        await settle()

    cycle.hold.set()
    await until(lambda: not daemon.service.running)

    assert cycle.runs == 3


async def test_after_a_cycle_that_failed_a_poll_that_came_due_meanwhile_is_the_retry(daemon):
    cycle = daemon.cycles["main"]
    cycle.hold = asyncio.Event()
    cycle.endings = [Exit.UNAVAILABLE]
    await daemon.pass_time(hours=6, seconds=1)
    await until(lambda: cycle.runs == 2)
    await daemon.pass_time(hours=6, seconds=1)
    await settle()

    cycle.hold.set()
    await until(lambda: not daemon.service.running)

    assert cycle.runs == 2
    assert daemon.watched.polls["main"] - daemon.clock.now() < timedelta(minutes=5)


async def test_sigterm_cancels_the_running_cycle_and_ends_the_service():
    with time_machine.travel(START, tick=False) as traveller:
        daemon = Daemon(traveller)
        cycle = daemon.cycles["main"]
        cycle.hold = asyncio.Event()
        task = asyncio.create_task(daemon.service.run(daemon.generation()))
        await until(lambda: cycle.runs == 1)

        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(5):
            await task

    assert cycle.cancelled == 1
    assert daemon.closed == 1
    assert daemon.watched.said == ["ready", "stopping"]
    assert [event.reason for event in daemon.told if isinstance(event, events.ServiceStopping)] == ["SIGTERM"]


async def test_sighup_puts_new_settings_in_force(daemon):
    other = FakeCycle()
    daemon.next = daemon.generation(other=other)

    os.kill(os.getpid(), signal.SIGHUP)
    await until(lambda: other.runs == 1)

    assert daemon.closed == 1
    await daemon.pass_time(hours=6, seconds=1)
    await until(lambda: other.runs == 2)
    assert daemon.cycles["main"].runs == 1
    assert daemon.watched.said == ["ready", "reloading", "ready"]


async def test_a_failed_reload_keeps_the_old_settings(daemon):
    os.kill(os.getpid(), signal.SIGHUP)
    await until(lambda: any(isinstance(event, events.SettingsKept) for event in daemon.told))

    await daemon.pass_time(hours=6, seconds=1)
    await until(lambda: daemon.cycles["main"].runs == 2)
    assert daemon.closed == 0


async def test_one_org_that_hangs_delays_no_other():
    with time_machine.travel(START, tick=False) as traveller:
        daemon = Daemon(traveller, "stuck", "fine")
        daemon.cycles["stuck"].hold = asyncio.Event()
        task = asyncio.create_task(daemon.service.run(daemon.generation()))
        await until(lambda: daemon.cycles["fine"].runs == 1)
        await daemon.pass_time(hours=6, seconds=1)
        await until(lambda: daemon.cycles["fine"].runs == 2)
        assert daemon.cycles["stuck"].runs == 1
        daemon.service.stop("test")
        await task


async def test_each_look_at_the_clock_is_a_sign_of_life(daemon):
    before = daemon.watched.beats

    await daemon.pass_time(seconds=15)
    await daemon.pass_time(seconds=15)

    assert daemon.watched.beats == before + 2


@pytest.mark.parametrize(("watchdog", "every"), [(None, 15.0), (120.0, 15.0), (6.0, 3.0)])
async def test_a_watchdog_sees_two_signs_of_life_before_it_would_act(watchdog, every):
    with time_machine.travel(START, tick=False) as traveller:
        daemon = Daemon(traveller)
        daemon.service.watchdog = watchdog
        task = asyncio.create_task(daemon.service.run(daemon.generation()))
        await until(lambda: daemon.cycles["main"].runs == 1)
        daemon.service.stop("test")
        await task

    assert daemon.clock.slept == [every]
