"""The whole daemon over simulated weeks: real wiring, sockets and files, and a clock that is moved.

Whatever sleeps, or waits for its next poll, is woken by moving the time on; real time
passes only while something works.
"""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
import time_machine

from backupd.app import Surroundings, serve
from backupd.archive import root
from backupd.core import events
from backupd.core.errors import ConfigurationError
from backupd.core.exits import Exit
from backupd.notify import read_state
from backupd.notify.wording import message_of
from backupd.settings import load
from backupd.simulator import OrgSpec, Scenario, ScheduleSpec, Simulator, Switches
from backupd.telemetry.pulses import read_pulse
from tests.fakes.clock import START
from tests.fakes.records import Ear, checksums_hold, snapshots
from tests.integration.operator import run

E = TypeVar("E", bound=events.Event)
STEP = timedelta(hours=1)  # by which idle time passes
_QUIET = 100  # looks in a row that find nobody at work
_ROUNDING = 0.001  # seconds; a timedelta counts microseconds
pytestmark = pytest.mark.timeout(120)


class MovedClock:
    """The system's time, which time-machine moves; a sleep ends when its time has come."""

    def __init__(self, traveller: time_machine.Traveller) -> None:
        self._traveller = traveller
        self._running = 0.0
        self._sleepers: dict[asyncio.Future[None], float] = {}

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return self._running

    async def sleep(self, seconds: float) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._sleepers[turn] = self._running + seconds
        try:
            await turn
        finally:
            self._sleepers.pop(turn, None)

    def pass_time(self, span: timedelta, *, suspended: bool = False) -> None:
        self._traveller.shift(span)
        self._running += 0.0 if suspended else span.total_seconds()
        for turn, until in self._sleepers.items():
            if until <= self._running + _ROUNDING and not turn.done():
                turn.set_result(None)

    def next_to_wake(self) -> timedelta:
        """Return how long the first sleeper has still to sleep."""
        return timedelta(seconds=max(0.0, min(self._sleepers.values(), default=0.0) - self._running))


class Daemon:
    """The daemon under test, its vendor, and their time."""

    def __init__(self, simulator: Simulator, clock: MovedClock, folder: Path) -> None:
        self.simulator = simulator
        self.vendor = simulator.vendor
        self.clock = clock
        self.ear = Ear()
        self.root = folder / "archive"
        self.root.mkdir()
        self._config = folder / "backupd.toml"
        self.configure(self.credentials("main"))

    def credentials(self, org: str) -> str:
        """Give what lets an org of the settings ask the vendor."""
        return f"""
            [orgs.{org}]
            client_id = "1000.SIMULATED"
            client_secret = "simulated"
            refresh_token = "1000.simulated"
            accounts_url = "{self.vendor.url}"
            api_domain = "{self.vendor.url}"
            download_hosts = ["{self.vendor.url.partition("//")[2]}"]
            """

    def configure(self, more: str) -> None:
        """Write the settings: what all have, and more."""
        self._config.write_text(
            f"""
            [archive]
            root = "{self.root}"
            min_free = "0MB"
            [poll]
            every = "12h"
            [web]
            listen = ""
            {more}
            """,
            encoding="utf-8",
        )

    async def run(self) -> Exit:
        around = Surroundings(tell=self.ear, learn=lambda _: None, clock=self.clock)
        return await serve(
            lambda: load(self._config, environment={}, run_secrets=self.root / "none"), around, on_load=lambda _: None
        )

    @property
    def polls(self) -> int:
        """How many cycles have ended."""
        return len(self.ear.of(events.CycleFinished)) + len(self.ear.of(events.CycleFailed))

    @property
    def works(self) -> bool:
        """Whether a cycle runs."""
        running: set[str] = set()
        for event in self.ear.heard:
            match event:
                case events.CycleStarted(org):
                    running.add(org)
                case events.CycleFinished(org) | events.CycleFailed(org):
                    running.discard(org)
                case events.SettingsReloaded():  # what ran was broken off
                    running.clear()
                case _:
                    pass
        return bool(running)

    async def live(self, **span: float) -> None:
        """Let so much time pass: in steps while nothing is to be done, and as slowly as real work needs otherwise."""
        end = self.clock.now() + timedelta(**span)
        while self.clock.now() < end or self.works:
            due = self.works or self.is_due
            self.clock.pass_time(min(STEP, self.clock.next_to_wake()) if due else STEP)
            await asyncio.sleep(0.001)

    async def until(self, kind: type[E], count: int = 1, *, org: str = "main") -> list[E]:
        """Let hours pass until so many events of this kind came for an org; return them."""
        async with asyncio.timeout(60):
            while len(found := [event for event in self.ear.of(kind) if getattr(event, "org", org) == org]) < count:
                await self.live(hours=1)
        return found

    async def reload(self, more: str) -> None:
        """Put new settings in force."""
        self.configure(more)
        os.kill(os.getpid(), signal.SIGHUP)
        await self.until(events.SettingsReloaded)

    async def rest(self) -> None:
        """Let the chores that the last hour woke come to their end."""
        quiet = 0
        while quiet < _QUIET:
            await asyncio.sleep(0.001)
            quiet = 0 if (self.root / ".state" / "main.holder").exists() else quiet + 1

    @property
    def is_due(self) -> bool:
        """Whether a cycle should run; a daemon that says nothing of it either begins, or has lost its disk."""
        next_poll = self.next_poll
        return not self.polls if next_poll is None else next_poll <= self.clock.now()

    @property
    def next_poll(self) -> datetime | None:
        """When the next cycle is due, as the daemon says."""
        state = read_state(self.root / ".state" / "service.json")
        return min(state.next_polls.values()) if state and state.next_polls else None

    @property
    def snapshots(self) -> int:
        assert all(checksums_hold(self.root / path) for path in snapshots(self.root))
        return len(snapshots(self.root))


@asynccontextmanager
async def daemon(folder: Path, settings: str = "") -> AsyncIterator[Daemon]:
    """Run the daemon against a vendor that has nothing yet; at the end SIGTERM must end it with 0."""
    with time_machine.travel(START, tick=False) as traveller:
        clock = MovedClock(traveller)
        scenario = Scenario((OrgSpec(schedule=ScheduleSpec(), switches=Switches(old_links="gone")),))
        simulator = Simulator(scenario, clock=clock.now)
        async with simulator:
            running = Daemon(simulator, clock, folder)
            running.configure(running.credentials("main") + settings)
            task = asyncio.create_task(running.run())
            while not running.polls:
                await running.live(minutes=1)
            await running.live(hours=5)  # at rest
            yield running
            os.kill(os.getpid(), signal.SIGTERM)
            async with asyncio.timeout(60):
                assert await task is Exit.OK


@pytest.mark.slow
async def test_a_job_that_appears_later_is_archived_and_three_more_over_six_weeks(tmp_path):
    async with daemon(tmp_path) as running:
        await running.live(days=3)
        assert running.snapshots == 0
        for number in range(4):
            running.vendor.add_run(run(f"400{number}", days_ago=0))
            await running.live(days=10)
            assert running.snapshots == number + 1

        assert 2 * 43 <= running.polls <= 2 * 43 + 2
        assert not running.ear.of(events.CycleFailed)
        assert not running.ear.of(events.StepFailed)
        assert running.next_poll is not None
        assert running.next_poll > running.clock.now()


async def test_a_vendor_that_is_down_for_hours_is_asked_again_and_again_and_nothing_is_lost(tmp_path):
    async with daemon(tmp_path) as running:
        await running.simulator.stop()
        await running.live(hours=30)
        failed = len(running.ear.of(events.StepFailed))
        assert failed >= 8
        running.vendor.add_run(run("4000", days_ago=0))
        await running.simulator.start()
        await running.live(hours=14)

        assert running.snapshots == 1
        assert len(running.ear.of(events.StepFailed)) == failed


async def test_a_machine_that_sleeps_for_days_archives_what_came_meanwhile_as_soon_as_it_wakes(tmp_path):
    async with daemon(tmp_path) as running:
        running.vendor.add_run(run("4000", days_ago=0))
        running.clock.pass_time(timedelta(days=3), suspended=True)
        await running.live(hours=2)

        assert running.snapshots == 1
        assert len(running.ear.of(events.ClockJumped)) == 1


async def test_a_clock_that_is_set_back_for_two_days_stops_no_poll(tmp_path):
    async with daemon(tmp_path) as running:
        running.clock.pass_time(timedelta(days=-2), suspended=True)
        running.vendor.add_run(run("4000", days_ago=0))
        await running.live(hours=14)

        assert running.snapshots == 1


async def test_an_archive_that_was_begun_below_the_disk_is_left_alone(tmp_path, monkeypatch):
    mounted = {str((tmp_path / "archive").resolve())}
    monkeypatch.setattr(root, "_mount_points", lambda: frozenset(mounted))
    async with daemon(tmp_path) as running:
        await running.rest()
        away = running.root.rename(tmp_path / "away")
        shutil.copytree(away, running.root)
        (running.root / ".state" / "service.json").unlink()
        below = {path: path.read_bytes() for path in running.root.rglob("*") if path.is_file()}
        mounted.clear()
        await running.until(events.CycleFailed, 3)

        assert {path: path.read_bytes() for path in running.root.rglob("*") if path.is_file()} == below

        mounted.add(str(running.root.resolve()))
        shutil.rmtree(running.root)
        away.rename(running.root)
        await running.live(hours=12)
        assert running.next_poll is not None
        assert running.next_poll > running.clock.now() - 2 * STEP
        assert read_pulse(running.root / ".state", "main").failing_since is None


@pytest.mark.parametrize("left", ["an empty folder", "nothing"])
async def test_a_disk_that_is_gone_is_told_at_once_and_nothing_is_made_in_its_place(tmp_path, left):
    async with daemon(tmp_path) as running:
        await running.rest()
        away = running.root.rename(tmp_path / "away")
        if left == "an empty folder":  # the place where it was mounted
            running.root.mkdir()
        running.vendor.add_run(run("4000", days_ago=0))
        await running.until(events.CycleFailed, 3)

        assert list(running.root.iterdir() if running.root.exists() else []) == []
        failed = running.ear.of(events.CycleFailed)
        assert {(event.exit_status, event.reason) for event in failed} == {
            (73, f"{running.root}: the archive that was here is gone")
        }
        told = [message for event in running.ear.heard if (message := message_of(event, success=False))]
        assert [message.title for message in told] == ["backupd: the archive is gone: look at its disk"]
        assert all("Mount its disk" in message.text for message in told)

        if running.root.exists():
            running.root.rmdir()
        away.rename(running.root)
        await running.live(hours=12)
        assert running.snapshots == 1
        (found,) = running.ear.of(events.ArchiveFound)
        over = message_of(found)
        assert over is not None
        assert (over.title, over.tone) == ("backupd: over: the archive is gone", "good")


KEEP_ONE = """
            [retention]
            keep_last = 1
            [verify]
            scrub_every = "2d"
            """


async def test_beside_its_cycles_the_daemon_prunes_and_reads_again(tmp_path):
    async with daemon(tmp_path, KEEP_ONE) as running:
        for name in ("4000", "4001"):
            running.vendor.add_run(run(name, days_ago=0, names=("Data_001.zip",)))
            await running.live(days=1)
        assert running.snapshots == 2

        (dropped,) = await running.until(events.SnapshotDropped)
        await running.until(events.ScrubFinished, 2)

        assert (dropped.job_id, running.snapshots) == ("4000", 1)
        assert not running.ear.of(events.ChoreFailed)


async def test_a_clock_that_is_far_off_the_vendors_keeps_the_daemon_from_pruning(tmp_path):
    async with daemon(tmp_path, KEEP_ONE) as running:
        running.vendor.switch(date_offset=timedelta(hours=-2))
        for name in ("4000", "4001"):
            running.vendor.add_run(run(name, days_ago=0, names=("Data_001.zip",)))
            await running.live(days=1)
        await running.live(days=9)

        refused = await running.until(events.PruningRefused, 2)

        assert {event.reason.partition(":")[0] for event in refused} == {
            "the clock is more than an hour off the vendor's"
        }
        assert running.snapshots == 2


@pytest.mark.parametrize("left", ["", "[orgs.main]"])
async def test_an_org_that_no_cycle_runs_for_is_read_again_too_and_its_damage_is_an_alarm(tmp_path, left):
    """It is not in the settings any more, or without credentials."""
    async with daemon(tmp_path) as running:
        running.vendor.add_run(run("4000", days_ago=0, names=("Data_001.zip",)))
        await running.live(days=1)
        (archived,) = (path for path in running.root.glob("main/*/*/data/Data_001.zip"))
        archived.chmod(0o640)
        archived.write_bytes(b"?")
        archived.chmod(0o440)
        await running.live(days=10)
        running.ear.heard.clear()

        await running.reload(f"""{running.credentials("other")}{left}{KEEP_ONE}""")
        raised = await running.until(events.AlarmWasRaised)
        repeated = await running.until(events.AlarmWasRepeated)

        assert {event.key for event in raised} | {event.key for event in repeated} == {"damaged/4000"}
        assert not running.ear.of(events.ChoreFailed)


async def test_a_page_that_others_could_read_without_a_token_stops_the_start(tmp_path):
    config = tmp_path / "backupd.toml"
    config.write_text(
        f"""
        [archive]
        root = "{tmp_path}"
        [web]
        listen = "0.0.0.0:8321"
        [orgs.main]
        client_id = "1000.SIMULATED"
        client_secret = "simulated"
        refresh_token = "1000.simulated"
        """
    )

    def settings():
        return load(config, environment={}, run_secrets=tmp_path / "none")

    around = Surroundings(tell=Ear(), learn=lambda _: None)
    with pytest.raises(ConfigurationError, match=r"set web\.token"):
        await serve(settings, around, on_load=lambda _: None)
