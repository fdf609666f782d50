"""WHEN: APScheduler runs one cycle at a time per org, at once and then every so often; signals stop and reload it.

A `Generation` is everything that one reading of the settings gave; a reload puts a new one in its place. Knows neither
settings nor adapters, and what a cycle does only by `Runnable`.
"""

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from backupd.core import events
from backupd.core.clock import Clock
from backupd.core.errors import BackupdError
from backupd.core.exits import Exit
from backupd.core.patience import retry_cycle

_TICK = 15.0  # seconds between looks at the clock, at most; APScheduler itself does not notice a jump or a suspend
_JUMP = 5.0  # seconds between wall and running time that are told as a jump
_GRACE = 8.0  # seconds for cancelled cycles to put their records in order


class Result(Protocol):
    """How a cycle ended."""

    @property
    def exit_status(self) -> Exit:
        """0 only if nothing failed."""


class Runnable(Protocol):
    """One org's cycle. Never raises: its result says what went wrong."""

    async def run(self) -> Result:
        """Run it once."""


@dataclass(frozen=True, slots=True)
class Generation:
    """What the service runs, and when, until the settings are read again."""

    cycles: Mapping[str, Runnable]
    every: timedelta
    jitter: timedelta
    close: Callable[[], Awaitable[None]]


class Watcher(Protocol):
    """Hears how the service is: systemd, the state file that `backupd status` reads."""

    async def ready(self) -> None:
        """All is set up; cycles run."""

    async def alive(self) -> None:
        """The loop goes round; told every few seconds, for whoever kills what hangs."""

    async def reloading(self) -> None:
        """The settings are being read again."""

    async def stopping(self) -> None:
        """The end has begun."""

    async def planned(self, next_polls: Mapping[str, datetime]) -> None:
        """The next cycle of each org is planned for then."""


@dataclass(slots=True)
class Service:
    """The daemon's loop; `run` returns when it was told to stop."""

    clock: Clock
    tell: events.Tell
    watcher: Watcher
    reload: Callable[[], Awaitable[Generation]]  # reads the settings; raises BackupdError if they are wrong
    version: str
    watchdog: float | None = None  # seconds without a sign of life after which somebody kills what hangs
    _scheduler: AsyncIOScheduler = field(init=False)
    _current: Generation = field(init=False)
    _running: dict[str, asyncio.Task[None]] = field(default_factory=dict, init=False)
    _overdue: set[str] = field(default_factory=set, init=False)  # a poll came due while the org's cycle ran
    _failures: dict[str, int] = field(default_factory=dict, init=False)
    _asked: asyncio.Queue[str] = field(default_factory=asyncio.Queue, init=False)  # `reload`, or why to stop

    async def run(self, first: Generation) -> str:
        """Run cycles until `stop` is called or a signal comes, and return which; partial downloads are kept."""
        self._current = first
        self._scheduler = AsyncIOScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )
        self._scheduler.start()
        ticking = asyncio.create_task(self._tick(), name="clock watch")
        try:
            _listen_for_signals(self._asked)
            await self._begin()
            await self.watcher.ready()
            while (asked := await self._asked.get()) == "reload":
                await self._reload()
            self.tell(events.ServiceStopping(asked))
            await self.watcher.stopping()
            return asked
        finally:
            ticking.cancel()
            self._scheduler.shutdown(wait=False)
            await self._cancel_cycles()
            await self._current.close()

    def stop(self, reason: str) -> None:
        """Ask the service to end."""
        self._asked.put_nowait(reason)

    @property
    def running(self) -> frozenset[str]:
        """The orgs whose cycle runs now."""
        return frozenset(self._running)

    # --- planning ------------------------------------------------------------------------------------------------

    async def _begin(self) -> None:
        generation = self._current
        self.tell(events.ServiceStarted(self.version, len(generation.cycles), generation.every.total_seconds()))
        for org in generation.cycles:
            self._scheduler.add_job(
                self._poll,
                IntervalTrigger(
                    seconds=generation.every.total_seconds(), jitter=generation.jitter.total_seconds(), timezone="UTC"
                ),
                args=[org],
                id=org,
                next_run_time=self.clock.now(),
                replace_existing=True,
            )
        await self.watcher.planned(self._next_polls())

    async def _poll(self, org: str) -> None:
        """Start one cycle in a task of ours, since the scheduler would drop its exceptions and cancel it unasked."""
        if org not in self._running:
            self._running[org] = asyncio.create_task(self._run_cycle(org), name=f"cycle {org}")
        else:  # a long download, or one that ends just now; a plan that is long past would tell of a daemon that hangs
            self._overdue.add(org)
            await self.watcher.planned(self._next_polls())

    async def _run_cycle(self, org: str) -> None:
        try:
            outcome = await self._current.cycles[org].run()
            self._plan_next(org, outcome.exit_status)
        finally:
            self._running.pop(org, None)
            overdue = org in self._overdue
            self._overdue.discard(org)
        if overdue and outcome.exit_status is Exit.OK:  # what failed is tried again soon as it is
            await self._poll(org)
        await self.watcher.planned(self._next_polls())

    def _plan_next(self, org: str, status: Exit) -> None:
        """After a failure try again sooner than the next poll, less and less often."""
        failures = self._failures[org] = self._failures.get(org, 0) + 1 if status is not Exit.OK else 0
        if failures and self._scheduler.get_job(org) is not None:
            every = self._current.every.total_seconds()
            wait = retry_cycle(failures, every=every, jitter=random.random())  # noqa: S311 (spreads load, keeps no secret)
            self._scheduler.modify_job(org, next_run_time=self.clock.now() + timedelta(seconds=wait))

    def _next_polls(self) -> dict[str, datetime]:
        return {job.id: job.next_run_time for job in self._scheduler.get_jobs() if job.next_run_time is not None}

    # --- the clock -----------------------------------------------------------------------------------------------

    async def _tick(self) -> None:
        wall, running = self.clock.now(), self.clock.monotonic()
        every = min(_TICK, self.watchdog / 2) if self.watchdog else _TICK
        while True:
            await self.clock.sleep(every)
            jump = (self.clock.now() - wall).total_seconds() - (self.clock.monotonic() - running)
            wall, running = self.clock.now(), self.clock.monotonic()
            self.look_at_clock(jump)
            await self.watcher.alive()

    def look_at_clock(self, jump: float = 0.0) -> None:
        """Let what is due begin, and bring back what a clock set backwards has moved too far into the future."""
        if abs(jump) > _JUMP:
            self.tell(events.ClockJumped(jump))
        latest = self.clock.now() + self._current.every + 2 * self._current.jitter
        for job in self._scheduler.get_jobs():
            if job.next_run_time is not None and job.next_run_time > latest:
                job.modify(next_run_time=self.clock.now())
        self._scheduler.wakeup()

    # --- reload, stop --------------------------------------------------------------------------------------------

    async def _reload(self) -> None:
        """Put the new settings in force; running cycles break off, and go on from what they have under the new ones."""
        await self.watcher.reloading()
        try:
            new = await self.reload()
        except BackupdError as error:
            self.tell(events.SettingsKept(str(error)))
        else:
            self._scheduler.remove_all_jobs()
            await self._cancel_cycles()
            old, self._current = self._current, new
            await old.close()
            self._failures.clear()
            self.tell(events.SettingsReloaded(len(new.cycles)))
            await self._begin()
        await self.watcher.ready()

    async def _cancel_cycles(self) -> None:
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_GRACE)


def _listen_for_signals(asked: asyncio.Queue[str]) -> None:
    """Let SIGTERM and SIGINT ask to stop, and SIGHUP to reload, for as long as the loop lives.

    So that one more signal, while the service ends, does not cut that short.
    """
    loop = asyncio.get_running_loop()
    for number, word in _SIGNALS.items():
        loop.add_signal_handler(number, asked.put_nowait, word)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)  # what came while it started was kept


_SIGNALS: Mapping[signal.Signals, str] = {
    signal.SIGTERM: "SIGTERM",
    signal.SIGINT: "SIGINT",
    signal.SIGHUP: "reload",
}
