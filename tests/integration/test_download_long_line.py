"""Large files over a long line, where the first answer is ended early, but only once a part was served."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from backupd.core.errors import ArchiveError, DownloadFailed
from backupd.core.events import FileProgress, FileRestarted, FileRetrying
from backupd.core.patience import DAEMON, ONE_RUN, ONE_TRY
from backupd.download import Limits
from backupd.simulator import (
    Drop,
    FileSpec,
    Instead,
    Misstate,
    Pace,
    Refuse,
    Revoke,
    Serve,
    Stall,
    Throttle,
    Trickle,
    downloads,
)
from backupd.simulator.answers import error
from backupd.simulator.exchange import VENDOR
from tests.integration.downloading import NAME, Bench, downloading, some_bytes
from tests.integration.simulated import JOB

SIZE = 6_000_000
SLOW = Pace(per_connection=6_000_000)
LIMITS = Limits(connections=4, timeout=1.0)


@pytest.fixture(autouse=True)
def _long(monkeypatch):
    """Take every line for a long one, and judge connections within tenths of a second: the files are small."""
    monkeypatch.setattr("backupd.download.lanes._FAR", 0.0)
    monkeypatch.setattr("backupd.download.lanes._FIRST_LOOK", 0.1)
    monkeypatch.setattr("backupd.download.lanes._SETTLING", 0.2)
    monkeypatch.setattr("backupd.download.fetching._LOOK", 0.02)
    monkeypatch.setattr("backupd.download.crew._REST", 1.0)
    monkeypatch.setattr("backupd.download.crew._WORTH_ENDING", 1_000_000)


@pytest.fixture
async def slow(tmp_path: Path) -> AsyncIterator[Bench]:
    async with downloading(tmp_path, size=SIZE, limits=LIMITS) as bench:
        bench.vendor.pace = SLOW
        yield bench


async def cut_short(bench: Bench) -> None:
    """Leave the beginning in the slot, as a process that ended would."""
    bench.vendor.fault(Drop(3_000_000), always=False)
    with pytest.raises(DownloadFailed):
        await bench.fetch(patience=ONE_TRY, limits=Limits(connections=1, timeout=1.0))
    assert 1_000_000 < bench.slot.part.stat().st_size < SIZE
    bench.vendor.requests.clear()
    bench.told.clear()


# --- a server that serves no parts --------------------------------------------------------------------------------


async def test_a_server_that_promises_no_parts_sends_one_answer(slow):
    slow.vendor.serve(range="ignored", accept_ranges=False)

    slow.assert_whole(await slow.fetch())

    assert slow.ranges.count(None) == 1
    assert not slow.told_of(FileRestarted)


@pytest.mark.slow
@pytest.mark.parametrize("patience", [ONE_RUN, DAEMON], ids=["one run", "daemon"])
async def test_a_server_that_refuses_each_further_request_for_minutes_is_not_waited_for(slow, patience):
    slow.vendor.fault(Throttle(timedelta(seconds=299)), skip=1, times=6)

    slow.assert_whole(await slow.fetch(patience=patience))

    assert sum(slow.clock.slept) < 100


@pytest.mark.slow
@pytest.mark.parametrize("status", [403, 404, 503])
async def test_a_link_that_works_once_is_enough(slow, status):
    slow.vendor.fault(Refuse(status), skip=1, always=True)

    slow.assert_whole(await slow.fetch())


@pytest.mark.slow
@pytest.mark.parametrize("size", [6_000_000, 24_000_000])
async def test_a_server_that_serves_one_connection_at_a_time_is_not_waited_for(tmp_path, monkeypatch, size):
    usual = downloads._refused  # noqa: SLF001  the simulator has no such switch
    monkeypatch.setattr("backupd.download.lanes._LEAST_FAR_SHARE", 4_000_000)
    monkeypatch.setattr("backupd.download.lanes._SHARE_SECONDS", 0.5)

    def refused(request, org, run):
        if request.app[VENDOR].downloading:
            return error(429, "TOO_MANY_REQUESTS", "one at a time", details={"retry_after": 299})
        return usual(request, org, run)

    monkeypatch.setattr(downloads, "_refused", refused)
    async with downloading(tmp_path, size=size, limits=LIMITS) as bench:
        bench.vendor.pace = SLOW

        bench.assert_whole(await bench.fetch())

        assert sum(bench.clock.slept) < 100


# --- a file that is resumed ---------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("patience", [ONE_RUN, ONE_TRY], ids=["one run", "one try"])
async def test_the_overlap_is_compared_in_one_try(slow, patience):
    slow.vendor.serve(etag="none")
    await cut_short(slow)
    slow.vendor.fault(Trickle(8_000, timedelta(seconds=0.05)))

    slow.assert_whole(await slow.fetch(patience=patience))

    assert not slow.told_of(FileRetrying)


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault",
    [
        Stall(0, timedelta(seconds=0.3)),
        Stall(0),
        Drop(0, "reset"),
    ],  # the first: the head first, the body a moment later
    ids=repr,
)
@pytest.mark.parametrize("connections", [2, 4])
async def test_the_overlap_is_compared_before_the_rest_is_believed(tmp_path, fault, connections):
    """Another file with the same length and Last-Modified, and no ETag: only the overlap tells them apart."""
    for seed in (1, 2):
        limits = Limits(connections=connections, timeout=1.0)
        async with downloading(tmp_path, contents={NAME: some_bytes(SIZE, seed)}, limits=limits) as bench:
            bench.vendor.pace = SLOW
            bench.vendor.serve(etag="none")
            if seed == 1:
                await cut_short(bench)
            else:
                bench.vendor.fault(fault)
                bench.assert_whole(await bench.fetch())


@pytest.mark.slow
@pytest.mark.parametrize("promises", [True, False])
async def test_an_answer_with_the_whole_file_is_kept(slow, promises):
    await cut_short(slow)
    slow.vendor.serve(range="ignored", accept_ranges=promises)
    slow.vendor.fault(Trickle(32_000, timedelta(seconds=0.02)), always=True)

    slow.assert_whole(await slow.fetch())

    assert not slow.told_of(FileRetrying)


@pytest.mark.slow
@pytest.mark.parametrize("patience", [ONE_RUN, ONE_TRY], ids=["one run", "one try"])
async def test_a_file_that_is_another_one_now_is_fetched_in_one_try(slow, patience):
    await cut_short(slow)
    other = some_bytes(SIZE, seed=2)
    slow.vendor.replace_file(JOB, FileSpec("data", NAME, content=other))
    slow.vendor.fault(Stall(0, timedelta(seconds=0.3)))

    slow.assert_whole(await slow.fetch(patience=patience), other)

    assert not slow.told_of(FileRetrying)


@pytest.mark.slow
@pytest.mark.parametrize("with_length", [True, False])
async def test_a_part_that_comes_in_chunks_is_ended_early_too(slow, with_length):
    await cut_short(slow)
    slow.vendor.serve(length=with_length)

    slow.assert_whole(await slow.fetch())

    assert not slow.told_of(FileRetrying)


# --- faults after that --------------------------------------------------------------------------------------------

FAULTS = [
    Drop(after=500_000),
    Drop(after=0, how="reset"),
    Refuse(status=500),
    Refuse(status=429, retry_after=timedelta(seconds=5)),
    Revoke(),
    Stall(after=300_000),
    Serve(etag="changing"),
    Serve(gzip=True),
    Serve(length=False),
    Serve(range="ignored"),
    Serve(range="416"),
    Serve(range="other-range"),
    Misstate(by=1000),
    Misstate(by=-1000),
    Instead("html"),
]


@pytest.mark.slow
@pytest.mark.parametrize("skip", [1, 2])
@pytest.mark.parametrize("fault", FAULTS, ids=repr)
async def test_a_fault_in_one_of_the_next_answers_leaves_nothing_behind(slow, fault, skip):
    slow.vendor.fault(fault, skip=skip)

    async with slow.downloader() as downloader:
        slow.assert_whole(await slow.fetch_with(downloader))
        assert downloader._tools.places._used == 0  # noqa: SLF001
        assert not downloader._tools.lanes  # noqa: SLF001

    assert len(slow.downloads) <= 14


@pytest.mark.slow
@pytest.mark.parametrize("when", [1, 2, 3, 4])
@pytest.mark.parametrize("longer", [-1, 0, 1])
async def test_a_file_that_changes_meanwhile_is_never_a_mixture(slow, when, longer):
    other = some_bytes(SIZE + longer, seed=7)

    async def change() -> None:
        while len(slow.downloads) < when:  # noqa: ASYNC110  the vendor tells nobody
            await asyncio.sleep(0.003)
        slow.vendor.replace_file(JOB, FileSpec("data", NAME, content=other))

    changing = asyncio.create_task(change())
    received = await slow.fetch()
    changing.cancel()

    content = slow.on_disk()
    assert content in (slow.content, other)
    slow.assert_whole(received, content)
    assert max(event.received for event in slow.told_of(FileProgress)) <= SIZE + 1


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2, 3, 5, 8])
async def test_a_disk_that_fails_is_told_and_the_rest_is_fetched_later(slow, monkeypatch, number):
    write, calls = os.pwrite, 0

    def failing(file, data, at):
        nonlocal calls
        calls += 1
        if calls >= number:
            raise OSError(errno.EIO, "input/output error")
        return write(file, data, at)

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", failing)
        with pytest.raises(ArchiveError):
            await slow.fetch(patience=DAEMON)

    slow.assert_whole(await slow.fetch())
