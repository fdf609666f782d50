"""Downloads, over real sockets into real files: what is on disk, on the wire, and told."""

import asyncio
import errno
import hashlib
import json
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest

from backupd.core.errors import (
    AccessRefused,
    ArchiveError,
    ArchiveFull,
    DownloadFailed,
    LinkDead,
    LinkRefused,
    ScopeMissing,
    VendorThrottled,
    VendorUnavailable,
    ZipRejected,
)
from backupd.core.events import DownloadsPaused, FileProgress, FileRestarted, FileResumed, FileRetrying, FileStarted
from backupd.core.model import Checked
from backupd.core.patience import DAEMON
from backupd.download import Limits
from backupd.download.blocks import BLOCK, RING
from backupd.download.disk import PartFile
from backupd.download.record import read
from backupd.simulator import Drop, FileSpec, Flip, Instead, Misstate, Pace, Refuse, Revoke, Serve, Stall, Trickle
from backupd.verify import ZipLimits, new_check
from tests.fakes.check import FakeCheck, FakeChecks
from tests.fakes.zips import Member, build
from tests.integration.downloading import NAME, Bench, downloading, some_bytes
from tests.integration.simulated import JOB


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with downloading(tmp_path) as bench:
        yield bench


# --- a file that comes -------------------------------------------------------------------------------------------


async def test_a_file_arrives_whole_hashed_and_checked(bench):
    received = await bench.fetch()

    bench.assert_whole(received)
    assert (received.attempts, received.resumed_bytes) == (1, 0)
    assert received.etag is not None
    assert received.last_modified is not None
    assert bench.told_of(FileStarted)
    assert bench.told_of(FileProgress)


async def test_the_request_asks_for_the_bytes_as_they_are(bench):
    await bench.fetch()

    request = bench.downloads[0]
    assert request.accept_encoding == "identity"
    assert request.range is None
    assert request.authorized


@pytest.mark.parametrize("size", [22, 262_143, 262_144, 262_145, 3_000_000])
async def test_any_size_fits(tmp_path, size):
    async with downloading(tmp_path, size=size) as bench:
        bench.assert_whole(await bench.fetch())


async def test_a_file_without_a_length_ends_where_the_transfer_properly_ends(bench):
    bench.vendor.serve(length=False)

    bench.assert_whole(await bench.fetch())


async def test_a_file_without_a_length_goes_on_after_a_break(bench):
    bench.vendor.serve(length=False)
    bench.vendor.drop_connection_after(700_000)

    received = await bench.fetch()

    bench.assert_whole(received)
    assert [request.status for request in bench.downloads] == [200, 206]
    assert received.resumed_bytes > 0


async def test_many_files_share_the_places(tmp_path):
    contents = {f"Data_{n:03}.zip": some_bytes(50_000, n) for n in range(12)}
    async with downloading(tmp_path, contents=contents, limits=Limits(files_at_once=3)) as bench:
        async with bench.downloader() as downloader:
            received = await asyncio.gather(*(bench.fetch_with(downloader, name) for name in contents))

        for one in received:
            assert bench.on_disk(one.file.name) == contents[one.file.name]


async def test_while_a_file_waits_for_its_verdict_the_next_one_comes_but_no_third(tmp_path):
    contents = {f"Data_{n:03}.zip": some_bytes(50_000, n) for n in range(3)}
    verdict, whole = Event(), []

    class Slow(FakeCheck):
        def finish(self, path: Path) -> Checked:
            whole.append(path)
            verdict.wait(10)
            return super().finish(path)

    async with downloading(tmp_path, contents=contents, limits=Limits(files_at_once=1)) as bench:
        async with bench.downloader(new_check=Slow) as downloader, asyncio.timeout(10):
            fetches = [asyncio.create_task(bench.fetch_with(downloader, name)) for name in contents]
            while len(whole) < 1 or len(bench.downloads) < 2:  # noqa: ASYNC110  threads come to their verdicts
                await asyncio.sleep(0.001)
            for _ in range(50):  # turns of the loop in which a third might be asked for
                await asyncio.sleep(0.001)
            asked = len(bench.downloads)
            verdict.set()
            received = await asyncio.gather(*fetches)

        assert asked == 2
        for one in received:
            assert bench.on_disk(one.file.name) == contents[one.file.name]


async def test_a_file_that_is_all_here_is_not_asked_for_again(bench):
    first = await bench.fetch()
    bench.vendor.requests.clear()

    again = await bench.fetch()

    bench.assert_whole(again)
    assert bench.downloads == []
    assert (again.sha256, again.attempts) == (first.sha256, first.attempts)


# --- resuming ----------------------------------------------------------------------------------------------------


async def test_a_broken_download_resumes_where_it_stopped(bench):
    bench.vendor.drop_connection_after(400_000)

    received = await bench.fetch()

    bench.assert_whole(received)
    assert bench.ranges == [None, "bytes=400000-"]
    assert bench.downloads[1].if_range == received.etag
    assert (received.attempts, received.resumed_bytes) == (2, 400_000)
    assert bench.told_of(FileResumed)[0].offset == 400_000
    assert len(bench.told_of(FileRetrying)) == 1


async def test_another_process_resumes_what_the_first_one_left(bench):
    bench.vendor.drop_connection_after(400_000)
    bench.vendor.fault(Refuse(status=500), always=True)
    with pytest.raises(VendorUnavailable):
        await bench.fetch()
    bench.vendor.org().faults.clear()
    bench.vendor.requests.clear()

    received = await bench.fetch()

    bench.assert_whole(received)
    assert bench.ranges == ["bytes=400000-"]
    assert received.resumed_bytes == 400_000


@pytest.mark.parametrize("etag", ["strong", "none"])  # goes on behind what is in hand, or before it, to compare
async def test_writes_end_where_the_files_blocks_do_also_behind_a_break(tmp_path, monkeypatch, etag):
    """Each in one piece of the disk's cache: only where a body begins and ends, and where an answer's head came."""
    ends: list[int] = []

    pwrite = os.pwrite

    def write(file: int, data: bytes, offset: int) -> int:
        ends.append(offset + len(data))
        return pwrite(file, data, offset)

    monkeypatch.setattr(os, "pwrite", write)
    async with downloading(tmp_path, size=6_000_000) as bench:
        bench.vendor.serve(etag=etag)
        bench.vendor.drop_connection_after(1_300_001)

        received = await bench.fetch()

        bench.assert_whole(received)
    assert received.resumed_bytes == 1_300_001
    assert len(ends) >= 6_000_000 // BLOCK
    assert len([end for end in ends if end % BLOCK and end not in (1_300_001, 6_000_000)]) <= 2


@pytest.mark.parametrize("size", [200_000, 400_000])  # in one block, and in several
async def test_another_process_asks_for_nothing_of_what_is_whole(tmp_path, size):
    async with downloading(tmp_path, size=size) as bench:
        await bench.fetch()
        bench.vendor.requests.clear()

        bench.assert_whole(await bench.fetch())

        assert bench.downloads == []


async def test_a_cancelled_download_ends_when_no_thread_writes_any_more(tmp_path, monkeypatch):
    began, go_on = Event(), Event()
    keep = PartFile.keep

    def slowly(*file) -> None:
        began.set()
        assert go_on.wait(10)
        keep(*file)

    monkeypatch.setattr(PartFile, "keep", slowly)
    async with downloading(tmp_path, size=200_000) as bench:
        task = asyncio.create_task(bench.fetch())
        await asyncio.to_thread(began.wait, 10)
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=0.05)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert not done


async def test_a_small_file_that_waits_for_the_budget_is_kept_meanwhile(tmp_path, monkeypatch):
    waits = asyncio.Event()

    async def for_ever(_: float) -> None:
        waits.set()
        await asyncio.Event().wait()

    async with downloading(tmp_path, size=200_000, limits=Limits(bandwidth=1000)) as bench:
        monkeypatch.setattr(bench.clock, "sleep", for_ever)
        task = asyncio.create_task(bench.fetch())
        await waits.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        bench.vendor.requests.clear()

        bench.assert_whole(await bench.fetch(limits=Limits()))
        assert bench.downloads == []


async def test_a_cancelled_download_keeps_what_came(tmp_path):
    async with downloading(tmp_path, size=3_000_000) as bench:
        bench.vendor.fault(Stall(after=1_500_000))
        task = asyncio.create_task(bench.fetch())
        while not (bench.downloads and bench.downloads[-1].sent >= 1_500_000):  # noqa: ASYNC110  another program
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)

        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        bench.vendor.requests.clear()

        bench.assert_whole(await bench.fetch())
        assert bench.ranges == ["bytes=1500000-"]


async def test_it_goes_on_through_many_breaks(bench):
    bench.vendor.drop_connection_after(70_000, times=100)

    received = await bench.fetch()

    bench.assert_whole(received)
    assert 15 <= received.attempts <= 30  # what came is lost only if the end came with the head, as on a busy machine


async def test_with_a_weak_validator_the_last_bytes_are_fetched_again_and_compared(bench):
    bench.vendor.serve(etag="weak", last_modified="none")
    bench.vendor.drop_connection_after(400_000)

    bench.assert_whole(await bench.fetch())

    assert bench.ranges == [None, f"bytes={400_000 - 65_536}-"]
    assert bench.downloads[1].if_range is None


async def test_without_any_validator_too(bench):
    bench.vendor.serve(etag="none", last_modified="none")
    bench.vendor.drop_connection_after(400_000)

    bench.assert_whole(await bench.fetch())

    assert bench.ranges == [None, f"bytes={400_000 - 65_536}-"]


async def test_a_last_modified_that_is_old_enough_goes_into_if_range(bench):
    bench.vendor.serve(etag="none")
    bench.vendor.drop_connection_after(400_000)

    received = await bench.fetch()

    bench.assert_whole(received)
    assert bench.downloads[1].if_range == received.last_modified


@pytest.mark.parametrize("how", ["206", "200-with-content-range"])
async def test_a_part_is_a_part_under_either_status(bench, how):
    bench.vendor.serve(range=how)
    bench.vendor.drop_connection_after(400_000)

    received = await bench.fetch()

    bench.assert_whole(received)
    assert received.resumed_bytes == 400_000


@pytest.mark.parametrize("how", ["ignored", "416", "wrong-content-range", "other-range"])
async def test_a_server_that_does_not_mean_ranges_sends_the_whole_again(bench, how):
    bench.vendor.serve(range=how)
    bench.vendor.drop_connection_after(400_000)

    received = await bench.fetch()

    bench.assert_whole(received)
    assert received.resumed_bytes == 0
    assert bench.told_of(FileRestarted)[0].dropped == 400_000


async def test_a_416_with_the_total_confirms_a_complete_file(bench):
    """The length was not told, and the process ended behind the last byte, before it knew that it was the last."""
    bench.vendor.serve(length=False)
    bench.vendor.fault(Stall(after=1_000_000))
    task = asyncio.create_task(bench.fetch())
    while not (bench.checks.made and bench.checks.made[0].fed >= 3 * 262_144):  # noqa: ASYNC110  other threads
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.3)  # for what does not fill a block
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    received = await bench.fetch()

    bench.assert_whole(received)
    assert [request.status for request in bench.downloads] == [200, 416]


async def test_a_length_that_promised_too_much_is_corrected_by_the_416(bench):
    bench.vendor.fault(Misstate(by=1000))

    received = await bench.fetch()

    bench.assert_whole(received)
    assert [request.status for request in bench.downloads] == [200, 416]


async def test_a_length_that_promised_too_little_leaves_the_verdict_to_the_check(bench):
    bench.vendor.fault(Misstate(by=-1000))

    received = await bench.fetch()

    assert bench.on_disk() == bench.content[:-1000]
    assert received.size == len(bench.content) - 1000


# --- never a mixture ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("etag", ["strong", "weak", "none"])
@pytest.mark.parametrize("last_modified", ["yes", "none"])
@pytest.mark.parametrize("longer", [0, 5000])
async def test_a_file_that_changed_between_two_tries_starts_anew(bench, etag, last_modified, longer):
    bench.vendor.serve(etag=etag, last_modified=last_modified)
    bench.vendor.drop_connection_after(400_000)
    bench.vendor.fault(Refuse(status=500), always=True)
    with pytest.raises(VendorUnavailable):
        await bench.fetch()
    bench.vendor.org().faults.clear()
    other = some_bytes(len(bench.content) + longer, seed=2)
    bench.clock.pass_time(hours=1)
    bench.vendor.replace_file(JOB, FileSpec("data", NAME, content=other))

    received = await bench.fetch()

    bench.assert_whole(received, other)
    assert bench.told_of(FileRestarted)[0].dropped == 400_000


@pytest.mark.parametrize("size", [200_000, 600_000])  # in one block, and in several
async def test_nothing_of_a_file_that_changed_counts_as_resumed_even_if_the_old_one_was_resumed(bench, size):
    for _ in range(2):
        bench.vendor.drop_connection_after(300_000)
        bench.vendor.fault(Refuse(status=500), always=True)
        with pytest.raises(VendorUnavailable):
            await bench.fetch()
        bench.vendor.org().faults.clear()
    other = some_bytes(size, seed=2)
    bench.clock.pass_time(hours=1)
    bench.vendor.replace_file(JOB, FileSpec("data", NAME, content=other))

    received = await bench.fetch()

    bench.assert_whole(received, other)
    assert bench.told_of(FileResumed)
    assert received.resumed_bytes == 0


async def test_a_file_that_changed_but_says_the_same_of_itself_is_found_out_by_comparing(bench):
    """Same length, no validators: only the overlap tells."""
    bench.vendor.serve(etag="none", last_modified="none")
    bench.vendor.drop_connection_after(400_000)
    bench.vendor.fault(Refuse(status=500), always=True)
    with pytest.raises(VendorUnavailable):
        await bench.fetch()
    bench.vendor.org().faults.clear()
    other = bench.content[:399_999] + bytes([bench.content[399_999] ^ 1]) + bench.content[400_000:]
    bench.vendor.replace_file(JOB, FileSpec("data", NAME, content=other))

    bench.assert_whole(await bench.fetch(), other)
    assert "last bytes" in bench.told_of(FileRestarted)[0].reason


async def test_an_etag_that_changes_all_the_time_never_joins_two_answers(bench):
    bench.vendor.serve(etag="changing")
    bench.vendor.drop_connection_after(400_000)

    received = await bench.fetch()

    bench.assert_whole(received)
    assert received.resumed_bytes == 0


async def test_a_part_file_without_a_record_is_not_data(bench):
    bench.slot.part.write_bytes(bytes(len(bench.content)))  # as a tool leaves that reserves the space first

    received = await bench.fetch()

    bench.assert_whole(received)
    assert bench.ranges == [None]


async def test_the_space_reserved_behind_what_came_is_not_data(bench):
    bench.vendor.drop_connection_after(400_000)
    bench.vendor.fault(Refuse(status=500), always=True)
    with pytest.raises(VendorUnavailable):
        await bench.fetch()
    bench.vendor.org().faults.clear()
    os.truncate(bench.slot.part, len(bench.content))

    received = await bench.fetch()

    bench.assert_whole(received)
    assert received.resumed_bytes == 400_000


@pytest.mark.parametrize("damage", [b"", b"{}\n", b"\0" * 200, b'{"format":"other/1"}\n', b"[0,1000000]\n"])
async def test_a_damaged_record_makes_the_part_count_for_nothing(bench, damage):
    bench.vendor.drop_connection_after(400_000)
    bench.vendor.fault(Refuse(status=500), always=True)
    with pytest.raises(VendorUnavailable):
        await bench.fetch()
    bench.vendor.org().faults.clear()
    bench.vendor.requests.clear()
    bench.slot.resume.write_bytes(damage)

    bench.assert_whole(await bench.fetch())
    assert bench.ranges == [None]


async def test_after_another_boot_only_synced_bytes_count(bench):
    bench.vendor.drop_connection_after(400_000)
    bench.vendor.fault(Refuse(status=500), always=True)
    with pytest.raises(VendorUnavailable):
        await bench.fetch()
    bench.vendor.org().faults.clear()
    bench.vendor.requests.clear()
    head, *facts = bench.slot.resume.read_text().splitlines()
    document = {**json.loads(head), "boot": "another", "synced": [[0, 100_000]]}
    bench.slot.resume.write_text("\n".join([json.dumps(document), *facts]) + "\n")

    bench.assert_whole(await bench.fetch())
    assert bench.ranges == ["bytes=100000-"]


async def test_rot_in_the_kept_bytes_is_found_because_they_are_read_again(bench):
    """A real check would reject it; the hash at least tells the truth about what is on disk."""
    bench.vendor.drop_connection_after(400_000)
    bench.vendor.fault(Refuse(status=500), always=True)
    with pytest.raises(VendorUnavailable):
        await bench.fetch()
    bench.vendor.org().faults.clear()
    with bench.slot.part.open("r+b") as part:
        part.seek(1234)
        part.write(b"\0\0\0\0")

    received = await bench.fetch()

    assert received.sha256 == hashlib.sha256(bench.on_disk()).hexdigest()
    assert received.sha256 != hashlib.sha256(bench.content).hexdigest()


# --- what does not come ------------------------------------------------------------------------------------------


async def test_a_stalled_connection_is_replaced(tmp_path):
    async with downloading(tmp_path, limits=Limits(timeout=0.2)) as bench:
        bench.vendor.fault(Stall(after=400_000))

        received = await bench.fetch()

        bench.assert_whole(received)
        assert bench.ranges == [None, "bytes=400000-"]
        assert "nothing for too long" in bench.told_of(FileRetrying)[0].reason


async def test_a_trickle_is_no_stall(tmp_path):
    async with downloading(tmp_path, size=4000, limits=Limits(timeout=0.5)) as bench:
        bench.vendor.fault(Trickle(piece=1000, pause=timedelta(seconds=0.05)))

        received = await bench.fetch()

        bench.assert_whole(received)
        assert received.attempts == 1


async def test_one_run_gives_up_after_five_tries_without_a_new_byte(bench):
    bench.vendor.fault(Refuse(status=500), always=True)

    with pytest.raises(VendorUnavailable, match="5 tries in a row") as caught:
        await bench.fetch()

    assert len(bench.downloads) == 5
    assert "http" not in str(caught.value)
    assert bench.clock.slept == [0.75, 1.5, 3.0, 6.0]


async def test_breaks_at_the_same_byte_are_no_progress(bench):
    bench.vendor.serve(range="ignored")
    bench.vendor.drop_connection_after(400_000, times=100)

    with pytest.raises(DownloadFailed, match="5 tries in a row"):
        await bench.fetch()

    assert len(bench.downloads) == 5


async def test_the_daemon_goes_on_until_the_link_expires(bench):
    bench.vendor.fault(Refuse(status=500), always=True)
    deadline = bench.clock.now() + timedelta(hours=6)

    with pytest.raises(VendorUnavailable, match="expired"):
        await bench.fetch(patience=DAEMON, deadline=deadline)

    assert bench.clock.now() >= deadline
    assert 24 <= len(bench.downloads) <= 60


async def test_one_run_waits_at_most_two_minutes_in_all(bench):
    bench.vendor.fault(Refuse(status=500), always=True)
    patience = replace(DAEMON, longest_wait=60.0, idle_limit=120.0)

    with pytest.raises(VendorUnavailable, match="no new byte in 120 seconds"):
        await bench.fetch(patience=patience)

    assert sum(bench.clock.slept) <= 120


async def test_a_server_that_is_not_there_is_our_error(bench):
    link = bench.link(base="http://127.0.0.1:1")

    with pytest.raises(VendorUnavailable) as caught:
        await bench.fetch(link=link)

    assert "/v2/crm" not in str(caught.value)


@pytest.mark.parametrize("status", [429, 503])
async def test_a_retry_after_pauses_all_downloads(bench, status):
    bench.vendor.fault(Refuse(status=status, retry_after=timedelta(seconds=30)))

    received = await bench.fetch()

    bench.assert_whole(received)
    assert bench.told_of(DownloadsPaused)[0].seconds == 32
    assert sum(bench.clock.slept) >= 32


async def test_no_other_file_is_asked_for_during_a_pause(tmp_path):
    contents = {f"Data_{n:03}.zip": some_bytes(50_000, n) for n in range(3)}
    one, other, third = contents
    async with downloading(tmp_path, contents=contents) as bench, bench.downloader() as downloader:
        bench.vendor.fault(Refuse(status=429, retry_after=timedelta(seconds=299)))
        for name in (one, other):
            with pytest.raises(VendorThrottled):
                await bench.fetch_with(downloader, name)
        assert len(bench.downloads) == 1

        await bench.fetch_with(downloader, third, patience=DAEMON)

        assert bench.downloads[1].at - bench.downloads[0].at >= timedelta(seconds=299)


async def test_a_429_may_say_it_in_its_details(bench):
    bench.vendor.fault(Refuse(status=429, retry_after=timedelta(seconds=30), retry_after_in="details"))

    await bench.fetch()

    assert sum(bench.clock.slept) >= 32


async def test_one_run_does_not_wait_longer_than_a_minute(bench):
    bench.vendor.fault(Refuse(status=429, retry_after=timedelta(seconds=299)), always=True)

    with pytest.raises(VendorThrottled) as caught:
        await bench.fetch()

    assert caught.value.retry_after is not None
    assert caught.value.retry_after.total_seconds() >= 299
    assert bench.clock.slept == []


async def test_the_daemon_waits_it_out(bench):
    bench.vendor.fault(Refuse(status=429, retry_after=timedelta(seconds=2000)))

    bench.assert_whole(await bench.fetch(patience=DAEMON))

    assert sum(bench.clock.slept) >= 2000


async def test_a_pause_until_the_end_of_time_is_not_waited_out(bench):
    bench.vendor.fault(Refuse(status=429, retry_after=timedelta(days=900_000)))

    bench.assert_whole(await bench.fetch(patience=DAEMON))

    assert 3600 <= sum(bench.clock.slept) < 3700


async def test_one_run_ends_at_once_when_the_pause_is_without_end(bench):
    bench.vendor.fault(Refuse(status=429, retry_after=timedelta(days=900_000)), always=True)

    with pytest.raises(VendorThrottled):
        await bench.fetch()

    assert bench.clock.slept == []


@pytest.mark.parametrize("what", ["html", "json"])
async def test_a_page_in_place_of_the_zip_is_recognised(bench, what):
    bench.vendor.fault(Instead(what), always=True)

    with pytest.raises(DownloadFailed, match="page"):
        await bench.fetch()

    assert not bench.slot.part.exists()
    assert bench.checks.made == []


async def test_a_page_does_not_harm_what_is_in_hand(bench):
    bench.vendor.drop_connection_after(400_000)
    bench.vendor.fault(Instead("html"), times=2)

    received = await bench.fetch()

    bench.assert_whole(received)
    assert received.resumed_bytes == 400_000


async def test_an_empty_answer_is_no_file(bench):
    bench.vendor.fault(Instead("nothing"), always=True)

    with pytest.raises(DownloadFailed, match="empty"):
        await bench.fetch()


async def test_a_compressed_body_is_refused(bench):
    bench.vendor.serve(gzip=True)

    with pytest.raises(DownloadFailed, match="coding"):
        await bench.fetch()


@pytest.mark.parametrize("answer", ["401", "403", "404", "html"])
async def test_an_expired_link_is_dead(bench, answer):
    bench.vendor.switch(expired_link=answer)
    deadline = bench.clock.now() + timedelta(days=5)
    bench.clock.pass_time(days=6)

    with pytest.raises(LinkDead):
        await bench.fetch(deadline=deadline)

    assert bench.authorizer.renewed == 0
    assert len(bench.downloads) == 1


async def test_a_link_that_is_gone_is_dead(bench):
    with pytest.raises(LinkDead, match="404"):
        await bench.fetch("Data_009.zip")


# --- access ------------------------------------------------------------------------------------------------------


async def test_a_stale_token_is_renewed_once(bench):
    bench.vendor.fault(Revoke())

    received = await bench.fetch()

    bench.assert_whole(received)
    assert bench.authorizer.renewed == 1


async def test_a_token_that_dies_on_the_way_is_renewed(bench):
    bench.vendor.drop_connection_after(400_000)
    bench.vendor.fault(Revoke())

    received = await bench.fetch()

    bench.assert_whole(received)
    assert bench.authorizer.renewed == 1
    assert received.resumed_bytes == 400_000


async def test_a_401_that_stays_is_not_renewed_again(bench):
    bench.vendor.fault(Refuse(status=401, code="INVALID_OAUTHTOKEN"), always=True)

    with pytest.raises(AccessRefused):
        await bench.fetch()

    assert bench.authorizer.renewed == 1
    assert len(bench.downloads) == 2


async def test_a_missing_scope_is_told_and_no_token_wasted(bench):
    bench.vendor.fault(Refuse(status=401, form="empty", reason="INVALID_OAUTHSCOPE"), always=True)

    with pytest.raises(ScopeMissing, match=r"ZohoFiles\.files\.ALL"):
        await bench.fetch()

    assert bench.authorizer.renewed == 0
    assert len(bench.downloads) == 1


async def test_a_path_that_is_not_served_is_explained(bench):
    bench.vendor.fault(Refuse(status=401, code="URL_RULE_NOT_CONFIGURED"), always=True)

    with pytest.raises(AccessRefused, match="URL_RULE_NOT_CONFIGURED"):
        await bench.fetch()

    assert bench.authorizer.renewed == 0


async def test_a_403_before_the_expiry_is_refused_access(bench):
    bench.vendor.fault(Refuse(status=403, code="FORBIDDEN"), always=True)

    with pytest.raises(AccessRefused):
        await bench.fetch()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_to_an_allowed_host_is_followed_with_the_token(bench, status):
    bench.authorizer.hosts.add("localhost")
    bench.vendor.serve(redirect="localhost", redirect_status=status)
    bench.vendor.fault(Drop(after=400_000), skip=1)  # not the redirect, but what it leads to

    bench.assert_whole(await bench.fetch())

    assert all(request.authorized for request in bench.downloads)
    assert bench.ranges == [None, None, "bytes=400000-", "bytes=400000-"]


async def test_a_redirect_to_another_host_is_refused_with_no_request_sent(bench):
    bench.vendor.serve(redirect="localhost")

    with pytest.raises(LinkRefused):
        await bench.fetch()

    assert len(bench.downloads) == 1


async def test_a_link_to_another_host_is_refused(bench):
    with pytest.raises(LinkRefused):
        await bench.fetch(link=bench.link(base="http://localhost:1"))


# --- the check and the disk --------------------------------------------------------------------------------------


async def test_a_rejected_zip_stays_in_its_slot(bench):
    bench.checks.reject_at_end = True

    with pytest.raises(ZipRejected):
        await bench.fetch()

    assert bench.on_disk() == bench.content


async def test_a_wrong_structure_stops_the_download_early(tmp_path):
    async with downloading(tmp_path, size=8_000_000, limits=Limits(connections=1, timeout=600.0)) as bench:
        bench.vendor.fault(Stall(after=4 * BLOCK))  # nothing more comes that would show it

        with pytest.raises(ZipRejected):
            await bench.fetch(new_check=FakeChecks(reject_after=1_000_000))

        assert bench.slot.part.exists()


async def test_a_zip_that_is_damaged_early_is_not_fetched_to_its_end(tmp_path):
    """As the real check sees it: the checksum of the first member is wrong."""
    members = [Member(f"Data/Leads_{n:03}.csv".encode(), some_bytes(1_000_000, n)) for n in range(6)]
    async with downloading(tmp_path, contents={NAME: build(members)}) as bench:
        bench.vendor.fault(Flip(offset=300_000))
        bench.vendor.pace = Pace(per_connection=20_000_000)

        with pytest.raises(ZipRejected, match=r"Leads_000\.csv"):
            await bench.fetch(new_check=new_check(ZipLimits()))

        assert bench.downloads[0].sent < len(bench.content) // 2


async def test_a_server_that_drops_the_validator_of_a_part_starts_anew(bench):
    bench.vendor.drop_connection_after(400_000)
    bench.vendor.fault(Serve(etag="none"))

    received = await bench.fetch()

    bench.assert_whole(received)
    assert received.resumed_bytes == 0


@pytest.mark.parametrize(
    ("number", "error"), [(errno.ENOSPC, ArchiveFull), (errno.EDQUOT, ArchiveFull), (errno.EIO, ArchiveError)]
)
async def test_a_disk_that_refuses_is_our_error_at_once_and_the_rest_is_fetched_later(
    tmp_path, monkeypatch, number, error
):
    async with downloading(tmp_path, size=4_000_000) as bench:
        bench.vendor.fault(Stall(after=3_500_000))
        write = os.pwrite

        def full(file: int, data: bytes, offset: int) -> int:
            if offset >= 2_000_000:
                raise OSError(number, os.strerror(number))
            return write(file, data, offset)

        with monkeypatch.context() as patched:
            patched.setattr(os, "pwrite", full)
            with pytest.raises(error) as caught:
                await bench.fetch()
        assert str(bench.slot.part) in str(caught.value)
        assert bench.clock.slept == []
        bench.vendor.requests.clear()

        received = await bench.fetch()

        bench.assert_whole(received)
        assert 1_500_000 <= received.resumed_bytes <= 2_000_000 + 262_144


async def test_a_sync_that_fails_is_our_error(bench, monkeypatch):
    def fail(file: PartFile, total: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(PartFile, "complete", fail)
        with pytest.raises(ArchiveError):
            await bench.fetch()

    bench.assert_whole(await bench.fetch())


async def test_a_small_file_that_cannot_be_synced_counts_for_nothing(tmp_path, monkeypatch):
    def fail(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    async with downloading(tmp_path, size=200_000) as bench:
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", fail)
            with pytest.raises(ArchiveError):
                await bench.fetch()

        assert bench.slot.part.exists()
        assert not bench.slot.resume.exists()
        bench.assert_whole(await bench.fetch())


async def test_a_file_that_came_whole_needs_no_more_room(tmp_path, monkeypatch):
    """Others may have taken the reserve meanwhile; it must not be lost for that."""
    asked: list[int] = []

    async def require(_self: object, wanted: int) -> None:
        asked.append(wanted)
        if len(asked) > 1 and wanted == 0:
            raise ArchiveFull("the reserve is gone")

    monkeypatch.setattr("backupd.download.downloader._Boundless.require", require)
    monkeypatch.setattr("backupd.download.fetching._STRIDE", 100_000)
    async with downloading(tmp_path, size=1_000_000) as bench:
        bench.assert_whole(await bench.fetch())

    assert max(asked) == 1_000_000


async def test_a_huge_file_is_synced_on_the_way(tmp_path, monkeypatch):
    monkeypatch.setattr("backupd.download.growing._SYNC_EVERY", 1_000_000)
    monkeypatch.setattr("backupd.download.growing._MOST_LOST", 2_000_000 + Limits().connections * RING)
    async with downloading(tmp_path, size=9_000_000) as bench:
        bench.vendor.drop_connection_after(8_500_000)
        bench.vendor.fault(Refuse(status=500), always=True)
        with pytest.raises(VendorUnavailable):
            await bench.fetch()
        bench.vendor.org().faults.clear()

        after_power_cut = read(bench.slot, "another boot")

        assert after_power_cut is not None
        assert after_power_cut.ranges.size >= 6_000_000


@pytest.mark.slow
async def test_cut_at_any_of_a_hundred_positions_it_goes_on_from_there(tmp_path):
    size = 700_000
    contents = {f"Data_{n:03}.zip": some_bytes(size, n) for n in range(100)}
    async with downloading(tmp_path, contents=contents) as bench, bench.downloader() as downloader:
        for number, name in enumerate(contents):
            bench.vendor.drop_connection_after(1 + number * size // 100, file=name)
        for name, content in contents.items():
            received = await bench.fetch_with(downloader, name)
            bench.assert_whole(received, content)

        assert sum(request.sent for request in bench.downloads) <= 100 * size + 100 * 150_000


async def test_the_bandwidth_is_a_budget_for_all(tmp_path):
    contents = {f"Data_{n:03}.zip": some_bytes(1_000_000, n) for n in range(3)}
    async with (
        downloading(tmp_path, contents=contents, limits=Limits(bandwidth=100_000)) as bench,
        bench.downloader() as downloader,
    ):
        began = bench.clock.monotonic()
        await asyncio.gather(*(bench.fetch_with(downloader, name) for name in contents))

        assert bench.clock.monotonic() - began >= 29


async def test_storms_of_refusals_end_in_whole_files(tmp_path):
    contents = {f"Data_{n:03}.zip": some_bytes(300_000, n) for n in range(8)}
    async with (
        downloading(tmp_path, contents=contents, limits=Limits(files_at_once=8, connections=8)) as bench,
        bench.downloader() as downloader,
    ):
        bench.vendor.fault(Refuse(status=429, retry_after=timedelta(seconds=20)), times=12)

        received = await asyncio.gather(*(bench.fetch_with(downloader, name, patience=DAEMON) for name in contents))

        for one in received:
            assert bench.on_disk(one.file.name) == contents[one.file.name]
        assert len(bench.downloads) <= 12 + 8


@pytest.mark.slow
async def test_after_a_refusal_there_are_half_as_many_connections(tmp_path):
    contents = {f"Data_{n:03}.zip": some_bytes(300_000, n) for n in range(16)}
    async with (
        downloading(tmp_path, contents=contents, limits=Limits(files_at_once=16, connections=8)) as bench,
        bench.downloader() as downloader,
    ):
        bench.vendor.pace = Pace(per_connection=3_000_000)
        bench.vendor.fault(Refuse(status=429, retry_after_in="neither"))
        later = 0

        async def watch() -> None:
            nonlocal later
            while True:
                if len(bench.downloads) > 8:
                    later = max(later, sum(not request.done for request in bench.downloads))
                await asyncio.sleep(0.005)

        watching = asyncio.create_task(watch())
        await asyncio.gather(*(bench.fetch_with(downloader, name) for name in contents))
        watching.cancel()

        assert 2 <= later <= 5  # one that was just let go may not be seen as done yet
