"""The daemon as a process: what it archives over time, and what signals, settings or a vendor that is away do."""

import asyncio
import json
import signal
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.system.archived import archived, half_done, unfinished
from tests.system.process import Running, Shell
from tests.system.site import FOUR, Site, four_files, new_site, simulator_with, vendor_with

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

SOON = 5.0  # seconds in which a daemon that was told to stop is gone
SIZE = 2_000_000  # bytes a file
OFTEN = {"poll": 'every = "1s"\njitter = "0s"'}


@pytest.fixture
async def vendor():
    """A vendor that has nothing yet."""
    async with vendor_with() as vendor:
        yield vendor


@pytest.fixture
def site(vendor, tmp_path) -> Site:
    return new_site(vendor, tmp_path, OFTEN)


async def daemon(shell: Shell, site: Site) -> Running:
    """Start the daemon, and wait until its first cycle has begun."""
    running = await shell.start("--config", site.config)
    await running.told("cycle.started")
    return running


async def stop(running: Running, number: signal.Signals = signal.SIGTERM) -> int:
    running.signal(number)
    return (await running.ended(within=SOON)).status


async def takes_signals(running: Running) -> None:
    """Wait until no SIGHUP kills it any more, which is before it reads its settings."""
    async with asyncio.timeout(SOON):
        while not survives(running.pid, signal.SIGHUP):  # noqa: ASYNC110  (another process does it, and tells nobody)
            await asyncio.sleep(0.005)


def survives(pid: int, number: signal.Signals) -> bool:
    """Tell whether a process blocks or catches a signal; under nohup each one ignores SIGHUP from the beginning."""
    lines = (line.partition(":") for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines())
    masks = {name: value for name, _, value in lines if name in ("SigBlk", "SigCgt")}
    return any(int(mask, 16) >> (number - 1) & 1 for mask in masks.values())


async def state(site: Site) -> Any:
    """Read what the daemon says of itself, as soon as it does."""
    path = site.root / ".state" / "service.json"
    async with asyncio.timeout(SOON):
        while not path.exists():  # noqa: ASYNC110  (another process writes it, and tells nobody)
            await asyncio.sleep(0.01)
    return json.loads(path.read_bytes())


def parts(site: Site) -> list[Path]:
    return list(site.root.glob(".staging/main/*/parts/*/*.part"))


def snapshots(site: Site) -> int:
    return len(list(site.root.glob("main/*/*/manifest.json")))


async def under_way(site: Site, size: int = SIZE) -> None:
    """Wait until so many bytes were sent."""
    await site.vendor.until(lambda: sum(request.sent for request in site.vendor.requests) >= size, within=60)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_signals_that_come_while_it_ends_do_not_cut_that_short(shell, site, number):
    running = await daemon(shell, site)

    running.signal(signal.SIGTERM)
    await running.told("service.stopping")  # of two that come at once, Python does not tell which was first
    while not running.has_ended:
        with suppress(ProcessLookupError):
            running.signal(number)
        await asyncio.sleep(0.002)

    assert (await running.ended()).status == 0


async def test_a_daemon_that_is_told_to_end_while_it_starts_ends_in_order(shell, site):
    for wait in (0.4, 0.8, 1.2):
        running = await shell.start("--config", site.config)
        await asyncio.sleep(wait)
        assert await stop(running) == 0


async def test_a_reload_before_it_is_ready_is_made_up_for_as_soon_as_it_is(shell, site):
    running = await shell.start("--config", site.config)
    await takes_signals(running)
    running.signal(signal.SIGHUP)

    await running.told("cycle.finished")
    async with asyncio.timeout(SOON):
        await running.told("settings.reloaded")
    assert await stop(running) == 0


async def test_a_daemon_that_began_before_there_was_anything_archives_each_job_that_appears(shell, site):
    running = await daemon(shell, site)
    await running.told("cycle.finished")
    assert (await state(site))["pid"] == running.pid
    assert set((await state(site))["next_polls"]) == {"main"}

    for number in range(4):
        site.vendor.add_run(four_files(f"400{number}", size=50_000, finished=datetime.now(UTC)))
        await running.told("job.published", number + 1)
        assert half_done(site.root) == []

    assert await stop(running) == 0
    assert not (site.root / ".state" / "service.json").exists()
    assert snapshots(site) == 4
    assert unfinished(site.root) == []


async def test_sigterm_within_a_slow_download_ends_it_at_once_and_the_rest_is_resumed(shell, site):
    site.vendor.add_run(four_files(size=SIZE))
    site.vendor.set_pace(total=1_000_000)
    running = await daemon(shell, site)
    await under_way(site)

    assert await stop(running) == 0
    assert half_done(site.root) == []
    assert len(parts(site)) == len(FOUR)
    assert not (site.root / ".state" / "service.json").exists()

    sent = sum(request.sent for request in site.vendor.requests)
    site.vendor.set_pace()
    site.vendor.requests.clear()
    ended = await shell.run(*site.once)
    assert ended.status == 0, ended.lines
    assert all(request.range for request in site.vendor.asked("download"))
    again = sum(request.sent for request in site.vendor.requests) + sent - sum_of_zips(site)
    assert again <= 4_000_000
    assert len(ended.told("file.resumed")) == len(FOUR)


def sum_of_zips(site: Site) -> int:
    return sum(path.stat().st_size for path in site.root.glob("main/*/*/*/*.zip"))


async def test_sighup_puts_changed_settings_in_force_in_the_same_process(shell, site):
    site.tables = {"poll": 'every = "1h"'}
    running = await daemon(shell, site)
    await running.told("cycle.finished")
    site.vendor.add_run(four_files(size=50_000))
    site.tables = {"poll": 'every = "1s"\njitter = "0s"', "download": "connections = 2"}
    assert site.config.exists()

    running.signal(signal.SIGHUP)
    await running.told("job.published")
    await running.told("cycle.finished", 4)

    assert (await state(site))["pid"] == running.pid
    assert any("settings.reloaded" in line for line in running.lines)
    assert await stop(running) == 0


async def test_settings_that_are_wrong_are_told_and_the_old_ones_stay_in_force(shell, site):
    running = await daemon(shell, site)
    await running.told("cycle.finished")
    site.tables = {"poll": 'every = "soon"'}
    assert site.config.exists()

    running.signal(signal.SIGHUP)
    await running.told("settings.kept")
    site.vendor.add_run(four_files(size=50_000))
    await running.told("job.published")

    (kept,) = [line for line in running.lines if "settings.kept" in line]
    assert "poll.every" in kept
    assert await stop(running) == 0


async def test_a_reload_within_a_download_keeps_what_came(shell, site):
    site.vendor.add_run(four_files(size=SIZE))
    site.vendor.set_pace(total=1_000_000)
    running = await daemon(shell, site)
    await under_way(site)

    running.signal(signal.SIGHUP)
    await running.told("settings.reloaded")
    site.vendor.set_pace()
    await running.told("job.published")

    assert await stop(running) == 0
    sent = sum(request.sent for request in site.vendor.requests)
    assert sent <= sum_of_zips(site) + 4_000_000
    assert half_done(site.root) == []


async def test_a_vendor_that_is_away_and_comes_back_is_a_failure_and_then_none(shell, tmp_path):
    simulator = simulator_with()
    async with simulator as vendor:
        site = new_site(vendor, tmp_path, OFTEN)
        running = await daemon(shell, site)
        await running.told("cycle.finished")
        await simulator.stop()
        await running.told("vendor_unavailable", 2)
        vendor.add_run(four_files(size=50_000))
        await simulator.start()
        await running.told("job.published")

        assert (await state(site))["pid"] == running.pid
        assert await stop(running) == 0


async def test_a_daemon_that_was_killed_leaves_nothing_that_stops_the_next(shell, site):
    site.vendor.add_run(four_files(size=SIZE))
    site.vendor.set_pace(total=1_000_000)
    running = await daemon(shell, site)
    await under_way(site)
    running.signal(signal.SIGKILL)
    assert (await running.ended()).status == -signal.SIGKILL
    site.vendor.set_pace()

    again = await daemon(shell, site)
    await again.told("job.published")
    await again.told("cycle.finished", 2)
    assert (await state(site))["pid"] == again.pid
    assert await stop(again) == 0
    assert unfinished(site.root) == []


async def test_ctrl_c_ends_the_daemon_with_130_and_keeps_what_came(shell, site):
    site.vendor.add_run(four_files(size=SIZE))
    site.vendor.set_pace(total=1_000_000)
    running = await daemon(shell, site)
    await under_way(site)

    assert await stop(running, signal.SIGINT) == 130
    assert len(parts(site)) == len(FOUR)


async def test_of_two_runs_at_once_one_works_and_the_other_says_who_does(shell, site):
    site.vendor.add_run(four_files(size=SIZE))
    site.vendor.set_pace(total=2_000_000)
    first = await shell.start(*site.once)
    await under_way(site, 500_000)

    second = await shell.run(*site.once)
    assert second.status == 75
    (told,) = second.told("cycle.failed")
    assert f"process {first.pid}" in told["reason"]

    site.vendor.set_pace()
    assert (await first.ended()).status == 0
    assert snapshots(site) == 1
    assert unfinished(site.root) == []


async def test_runs_started_at_the_very_same_time_archive_once_and_none_fails_otherwise(shell, tmp_path):
    async with vendor_with(four_files(size=100_000)) as vendor:
        site = new_site(vendor, tmp_path)
        line = site.once
        ended = await asyncio.gather(*(shell.run(*line) for _ in range(4)))

        statuses = sorted(one.status for one in ended)
        assert set(statuses) <= {0, 75}, [one.lines for one in ended if one.status not in {0, 75}]
        assert statuses[0] == 0
        assert sum(len(one.told("job.published")) for one in ended) == 1
        assert len(archived(site.root).files) == len(FOUR)
        assert unfinished(site.root) == []
