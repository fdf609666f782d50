"""Large files over several connections: only where the server means it, never more than allowed, never a mixture."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from backupd.core.errors import BackupdError, ZipRejected
from backupd.core.events import FileRestarted
from backupd.core.patience import DAEMON
from backupd.download import Limits
from backupd.simulator import Drop, FileSpec, Instead, Misstate, Pace, Refuse, Revoke, Serve, Stall, Trickle
from tests.fakes.check import FakeChecks
from tests.integration.downloading import NAME, Bench, downloading, some_bytes
from tests.integration.simulated import JOB

SIZE = 12_000_000
SLOW = Pace(per_connection=6_000_000)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Judge connections within tenths of a second: the files are small."""
    monkeypatch.setattr("backupd.download.fetching._LOOK", 0.02)
    monkeypatch.setattr("backupd.download.lanes._FIRST_LOOK", 0.1)
    monkeypatch.setattr("backupd.download.lanes._SETTLING", 0.2)
    monkeypatch.setattr("backupd.download.crew._REST", 0.1)


@pytest.fixture
def far(monkeypatch) -> None:
    """Take every line for a long one."""
    monkeypatch.setattr("backupd.download.lanes._FAR", 0.0)
    monkeypatch.setattr("backupd.download.crew._WORTH_ENDING", 1_000_000)


@pytest.fixture
async def slow(tmp_path: Path) -> AsyncIterator[Bench]:
    """A line on which every connection is slow: one alone would take two seconds."""
    async with downloading(tmp_path, size=SIZE, limits=Limits(connections=4, timeout=5.0)) as bench:
        bench.vendor.pace = SLOW
        yield bench


def sent(bench: Bench) -> int:
    return sum(request.sent for request in bench.downloads)


@asynccontextmanager
async def at_once(bench: Bench, first: int = 0) -> AsyncIterator[list[int]]:
    """See now and then how many requests are under way, the `first` ones not counted."""
    seen = [0]

    async def watch() -> None:
        while True:
            seen.append(sum(not request.done for request in bench.downloads[first:]))
            await asyncio.sleep(0.01)

    watching = asyncio.create_task(watch())
    try:
        yield seen
    finally:
        watching.cancel()


async def test_a_slow_file_is_fetched_over_several_connections(slow):
    received = await slow.fetch()

    slow.assert_whole(received)
    assert slow.ranges[0] is None
    assert len(slow.ranges) >= 2  # how many more, the machine's other work decides
    assert all(request.if_range == received.etag for request in slow.downloads[1:])
    assert all(request.range.startswith("bytes=") for request in slow.downloads[1:])


@pytest.mark.slow
async def test_what_is_sent_twice_is_little(slow):
    await slow.fetch()

    assert sent(slow) <= SIZE + 2_000_000


@pytest.mark.slow
async def test_shares_that_are_cut_while_they_are_asked_for_are_not_fetched_twice(tmp_path):
    size = 3 * SIZE
    async with downloading(tmp_path, size=size, limits=Limits(connections=8)) as bench:
        bench.vendor.pace = Pace(per_connection=3_000_000)

        bench.assert_whole(await bench.fetch())

        assert len(bench.downloads) >= 8
        assert sent(bench) <= size + 8 * 262_144


@pytest.mark.slow
async def test_one_connection_is_one(tmp_path):
    async with downloading(tmp_path, size=6_000_000, limits=Limits(connections=1)) as bench:
        bench.vendor.pace = SLOW

        bench.assert_whole(await bench.fetch())

        assert bench.ranges == [None]


@pytest.mark.slow
async def test_the_first_connection_helps_with_other_shares_once_its_own_is_done(slow, monkeypatch):
    monkeypatch.setattr("backupd.download.lanes._SETTLING", 60.0)  # nobody is taken on for it
    slow.vendor.fault(Trickle(50_000, timedelta(seconds=0.05)), skip=1)

    async with at_once(slow, first=1) as seen:
        slow.assert_whole(await slow.fetch())

    assert max(seen) == 2


@pytest.mark.slow
async def test_all_files_together_have_so_many_connections(tmp_path):
    contents = {f"Data_{n:03}.zip": some_bytes(5_000_000, n) for n in range(3)}
    async with downloading(tmp_path, contents=contents, limits=Limits(connections=3, files_at_once=3)) as bench:
        bench.vendor.pace = SLOW

        async with bench.downloader() as downloader, at_once(bench) as seen:
            await asyncio.gather(*(bench.fetch_with(downloader, name) for name in contents))

        assert 2 <= max(seen) <= 4  # one that was just let go may not be seen as done yet
        for name, content in contents.items():
            assert bench.on_disk(name) == content


@pytest.mark.slow
@pytest.mark.parametrize("etag", ["weak", "none"])
async def test_without_a_strong_validator_there_are_no_helpers(tmp_path, etag):
    async with downloading(tmp_path, size=6_000_000) as bench:
        bench.vendor.pace = SLOW
        bench.vendor.serve(etag=etag, last_modified="none")

        bench.assert_whole(await bench.fetch())

        assert bench.ranges == [None]


@pytest.mark.slow
async def test_a_part_under_the_status_of_a_whole_is_a_segment_too(slow):
    slow.vendor.serve(range="200-with-content-range")

    slow.assert_whole(await slow.fetch())

    assert len(slow.downloads) >= 3
    assert {request.status for request in slow.downloads} == {200}
    assert sent(slow) <= SIZE + 2_000_000


@pytest.mark.slow
@pytest.mark.parametrize(("far", "asked"), [(0.1, 2), (0.0, 4)], ids=["near", "far"])  # when all helpers ask at once
@pytest.mark.parametrize("how", ["ignored", "416", "wrong-content-range", "other-range"])
async def test_at_the_first_sign_that_the_server_does_not_mean_it_one_connection_goes_on(
    slow, monkeypatch, how, far, asked
):
    monkeypatch.setattr("backupd.download.lanes._FAR", far)
    slow.vendor.serve(range=how)

    received = await slow.fetch()

    slow.assert_whole(received)
    assert 2 <= len(slow.downloads) <= asked
    assert not slow.told_of(FileRestarted)


@pytest.mark.slow
async def test_a_server_that_stops_meaning_it_later_ends_in_one_version(slow):
    slow.vendor.fault(Serve(range="ignored"), skip=2, always=True)

    slow.assert_whole(await slow.fetch())


@pytest.mark.slow
async def test_a_file_that_changes_under_the_segments_is_never_a_mixture(slow):
    other = some_bytes(SIZE, seed=2)

    async def change() -> None:
        while len(slow.downloads) < 2:  # noqa: ASYNC110  another program
            await asyncio.sleep(0.01)
        slow.vendor.replace_file(JOB, FileSpec("data", NAME, content=other))

    changing = asyncio.create_task(change())
    received = await slow.fetch()
    await changing

    content = slow.on_disk()
    assert content in (slow.content, other)
    slow.assert_whole(received, content)


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault",
    [
        Drop(after=500_000),
        Drop(after=0, how="reset"),
        Refuse(status=500),
        Refuse(status=403),
        Refuse(status=404),
        Refuse(status=429, retry_after=timedelta(seconds=5)),
        Revoke(),
        Stall(after=300_000),
        Serve(redirect="127.0.0.1"),
        Serve(etag="changing"),
        Serve(gzip=True),
        Serve(length=False),
        Serve(range="ignored"),
        Serve(range="200-with-content-range"),
        Serve(range="416"),
        Serve(range="wrong-content-range"),
        Serve(range="other-range"),
        Misstate(by=1000),
        Misstate(by=-1000),
        Trickle(piece=50_000, pause=timedelta(seconds=0.01)),
        Instead("html"),
    ],
    ids=repr,
)
async def test_a_fault_on_a_segment_costs_only_that_segment(tmp_path, fault):
    async with downloading(tmp_path, size=SIZE, limits=Limits(connections=4, timeout=0.7)) as bench:
        bench.vendor.pace = SLOW
        bench.vendor.fault(fault, skip=2)

        received = await bench.fetch()

        bench.assert_whole(received)
        assert sent(bench) <= SIZE + 4_000_000


@pytest.mark.slow
async def test_faults_on_every_third_request(tmp_path):
    async with downloading(tmp_path, size=SIZE, limits=Limits(connections=4, timeout=0.7)) as bench:
        bench.vendor.pace = SLOW
        for skip in range(1, 30, 3):
            bench.vendor.fault(Drop(after=700_000), skip=skip // 3 * 2)

        bench.assert_whole(await bench.fetch(patience=DAEMON))


async def test_a_segmented_file_is_resumed_by_its_ranges(tmp_path):
    async with downloading(tmp_path, size=SIZE, limits=Limits(connections=4)) as bench:
        bench.vendor.pace = SLOW
        task = asyncio.create_task(bench.fetch())
        while len(bench.downloads) < 2 or sent(bench) < SIZE // 2:
            assert not task.done()
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        before = sent(bench)

        received = await bench.fetch()

        bench.assert_whole(received)
        assert received.resumed_bytes > SIZE // 3
        assert sent(bench) <= SIZE + 3_000_000
        assert before >= SIZE // 2


async def test_the_check_stops_all_connections(tmp_path):
    async with downloading(tmp_path, size=SIZE, limits=Limits(connections=4)) as bench:
        bench.vendor.pace = Pace(per_connection=1_000_000)

        with pytest.raises(ZipRejected):
            await bench.fetch(new_check=FakeChecks(reject_after=500_000))

        assert sent(bench) < SIZE


@pytest.mark.slow
@pytest.mark.parametrize("far", [0.0, 0.1])
async def test_many_cancels_at_any_moment_lose_nothing(tmp_path, monkeypatch, far):
    monkeypatch.setattr("backupd.download.lanes._FAR", far)
    monkeypatch.setattr("backupd.download.crew._WORTH_ENDING", 1_000_000)
    async with downloading(tmp_path, size=SIZE, limits=Limits(connections=4)) as bench:
        bench.vendor.pace = Pace(per_connection=6_000_000)
        for step in range(25):
            task = asyncio.create_task(bench.fetch())
            await asyncio.sleep(0.02 + step * 0.013)
            if task.done():
                break
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        received = await bench.fetch()

        bench.assert_whole(received)
        assert sent(bench) <= 2 * SIZE


@pytest.mark.slow
@pytest.mark.parametrize("slowly", [Stall(after=50_000), Trickle(500, timedelta(seconds=0.05))], ids=repr)
async def test_a_connection_that_crawls_while_others_fly_is_replaced(tmp_path, monkeypatch, slowly):
    """It would take longer than the test may."""
    monkeypatch.setattr("backupd.download.lanes._CRAWL_SEEN", 0.5)
    contents = {f"Data_{n:03}.zip": some_bytes(6_000_000, n) for n in range(3)}
    async with downloading(tmp_path, contents=contents, limits=Limits(connections=3, timeout=600.0)) as bench:
        bench.vendor.pace = SLOW
        bench.vendor.fault(slowly, file="Data_002.zip")
        async with bench.downloader() as downloader:
            received = await asyncio.gather(
                *(bench.fetch_with(downloader, name) for name in contents), return_exceptions=True
            )

        assert not [error for error in received if isinstance(error, BackupdError)]
        for name, content in contents.items():
            assert bench.on_disk(name) == content


async def test_on_a_long_line_the_first_connection_too_fetches_shares_before_it_is_fast(far, slow):
    received = await slow.fetch()

    slow.assert_whole(received)
    first, *others = slow.downloads
    assert first.range is None
    assert first.sent < SIZE // 4
    assert all(request.range.rpartition("-")[2] for request in others)
    assert sent(slow) <= SIZE + 2_000_000


async def test_on_a_long_line_a_single_connection_is_left_to_itself(far, tmp_path):
    async with downloading(tmp_path, size=1_500_000, limits=Limits(connections=1)) as bench:
        bench.vendor.pace = SLOW

        bench.assert_whole(await bench.fetch())

        assert bench.ranges == [None]
