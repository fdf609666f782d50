"""Reading archived files again: length, sha256 and zip together, from real files."""

import asyncio
import hashlib
import os
import random
import threading
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from backupd.core.errors import ArchiveError, ZipRejected
from backupd.core.model import Checked
from backupd.core.zipformat import ZipFault
from backupd.verify import Damaged, Missing, Unreadable, Whole, ZipLimits, check_file, new_check, read_again
from backupd.verify.disk import DiskCheck
from backupd.verify.layout import entries, survey
from backupd.verify.member import Place
from backupd.verify.source import Source
from tests.fakes.corpus.case import DEALS, LEADS, NOTE, PHOTO, USUAL
from tests.fakes.zips import DEFLATED, Member, build

LIMITS = ZipLimits()
_NOISE = random.Random(7).randbytes(3_000_000)
LARGE = [Member(name=b"Attachments/%d.jpg" % number, content=_NOISE[number:]) for number in range(4)]  # 12 MB in all


def save(folder: Path, data: bytes) -> Path:
    path = folder / "Data_001.zip"
    path.write_bytes(data)
    return path


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("members", [USUAL, LARGE], ids=["small", "large"])
def test_a_whole_file_is_told_with_its_length_and_digest(tmp_path, members, workers):
    data = build(members)
    told: list[int] = []

    reading = check_file(save(tmp_path, data), LIMITS, workers=workers, progress=told.append)

    unpacked = sum(len(member.content) for member in members)
    assert reading == Whole(len(data), hashlib.sha256(data).hexdigest(), Checked(len(members), unpacked))
    assert sum(told) == len(data)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_first_damaged_member_is_told_whatever_the_number_of_workers(tmp_path, workers):
    first, second, third, fourth = LARGE
    data = build([first, replace(second, local={"crc": 1}), third, replace(fourth, local={"crc": 1})])

    reading = check_file(save(tmp_path, data), LIMITS, name="data/Data_001.zip", workers=workers)

    assert isinstance(reading, Damaged)
    assert (reading.size, reading.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    text = "data/Data_001.zip: member 2 (Attachments/…): its content does not have the stated CRC"
    assert str(reading.why) == text


def test_the_first_damaged_member_is_told_even_if_another_worker_finds_a_later_one_sooner(tmp_path):
    slow = Member(name=b"slow", method=DEFLATED, content=bytes(30_000_000), local={"crc": 1})
    quick = Member(name=b"quick", content=b"x", local={"crc": 1})

    reading = check_file(save(tmp_path, build([slow, quick, *LARGE])), LIMITS, workers=3)

    assert isinstance(reading, Damaged)
    assert reading.why.member == "member 1"


@pytest.mark.parametrize("workers", [1, 2])
def test_a_lost_byte_is_told_where_it_was_lost(tmp_path, workers):
    data = build(LARGE)
    at = len(LARGE[0].content) + 500_000

    reading = check_file(save(tmp_path, data[:at] + data[at + 1 :]), LIMITS, workers=workers)

    assert isinstance(reading, Damaged)
    assert (reading.why.reason, reading.why.member) == ("crc", "member 2 (Attachments/…)")


def test_one_worker_reads_a_file_once_though_it_is_damaged_in_no_member(tmp_path, monkeypatch):
    path = save(tmp_path, build([LEADS]) + b"more")
    read, real = [], os.preadv

    def note(descriptor, buffers, offset) -> int:
        read.append(real(descriptor, buffers, offset))
        return read[-1]

    monkeypatch.setattr(os, "preadv", note)

    assert isinstance(check_file(path, LIMITS), Damaged)
    assert sum(read) == path.stat().st_size


@pytest.mark.parametrize("workers", [1, 2])
def test_bytes_that_follow_the_end_are_told_however_many_they_are(tmp_path, workers):
    reading = check_file(save(tmp_path, build(LARGE) + bytes(200_000)), LIMITS, workers=workers)

    assert isinstance(reading, Damaged)
    assert reading.why.reason == "trailing_bytes"


def test_a_file_that_is_not_there_is_missing(tmp_path):
    assert check_file(tmp_path / "gone.zip", LIMITS) == Missing()


def test_a_file_that_cannot_be_read_says_nothing_about_the_zip(tmp_path):
    reading = check_file(tmp_path, LIMITS)  # a folder: it opens, and reading it fails

    assert isinstance(reading, Unreadable)
    assert str(reading.why) == f"{tmp_path} could not be read: Is a directory"


@pytest.mark.parametrize("workers", [1, 2])
async def test_no_file_stays_open_whatever_was_found(tmp_path, workers):
    path = save(tmp_path, build(LARGE))
    await read_again(path, LIMITS, workers=workers)
    before = open_files()

    await read_again(path, LIMITS, workers=workers)
    await read_again(save(tmp_path, build(LARGE)[:-9]), LIMITS, workers=workers)
    check_file(tmp_path, LIMITS)

    assert open_files() == before


async def test_a_file_is_called_by_its_own_name_unless_it_has_another(tmp_path):
    path = save(tmp_path, b"<html>")

    for name, called in ((None, "Data_001.zip"), ("data/Data_001.zip", "data/Data_001.zip")):
        for found in (check_file(path, LIMITS, name=name), await read_again(path, LIMITS, name=name)):
            assert isinstance(found, Damaged)
            assert str(found.why) == f"{called}: it does not begin as a zip does"


def test_when_one_worker_cannot_read_a_member_the_others_do_not_go_on(tmp_path, monkeypatch):
    path, real, read = save(tmp_path, build(USUAL)), os.preadv, []

    def refuse_the_first_member(descriptor, buffers, offset) -> int:
        read.append(offset)
        if read.count(0) == 2:  # the first time, only its signature was asked for
            raise OSError(5, os.strerror(5))
        return real(descriptor, buffers, offset)

    monkeypatch.setattr(os, "preadv", refuse_the_first_member)
    with Source(path) as source:
        check = DiskCheck(source, "Data_001.zip", LIMITS)
        with pytest.raises(ArchiveError, match="Input/output error"):
            check.work()
        read.clear()
        check.work()

    assert read == []


@pytest.mark.parametrize(
    ("listing", "starts"), [(None, None), ((0, 1, 3, 2), "all"), ((1, 0, 2, 3), "all"), ((3, 2, 1, 0), "all")]
)
def test_members_in_the_directorys_order_take_no_memory_and_others_their_offsets(tmp_path, listing, starts):
    with Source(save(tmp_path, build(USUAL, listing=listing))) as source:
        layout = survey(source, LIMITS, Place())
        found = list(entries(source, layout.directory, Place()))

    offsets = sorted(entry.offset for entry in found)
    assert (layout.members, layout.unpacked) == (4, sum(len(member.content) for member in USUAL))
    assert (list(layout.starts) if layout.starts else None) == (offsets if starts else None)


def test_a_file_that_shrinks_while_its_directory_is_read_is_truncated(tmp_path):
    path = save(tmp_path, build(USUAL))
    with Source(path) as source:
        directory = survey(source, LIMITS, Place()).directory
        os.truncate(path, directory + 60)

        with pytest.raises(ZipFault, match="the central directory is not complete"):
            list(entries(source, directory, Place()))


def test_an_empty_file_is_told_as_such_by_whichever_worker_looks_first(tmp_path):
    for content, told in ((b"", "it is empty"), (b"<html>", "it does not begin as a zip does")):
        with Source(save(tmp_path, content)) as source:
            check = DiskCheck(source, "Data_001.zip", LIMITS)
            check.work()
            with pytest.raises(ZipRejected, match=told):
                check.verdict()


def test_bytes_are_read_from_where_they_are_asked_for_and_none_outside_of_the_file(tmp_path):
    with Source(save(tmp_path, b"0123456789")) as source:
        assert source.size == 10
        assert source.read(0, 4) == b"0123"
        assert source.read(8, 4) == b"89"
        assert source.read(9, 1) == b"9"
        assert source.read(10, 1) == source.read(-1, 4) == source.read(99, 4) == b""
        assert [bytes(block) for block in source.blocks(3, 6)] == [b"345"]
        assert list(source.blocks(6, 6)) == []
    with Source(save(tmp_path, _NOISE)) as source:  # of several blocks
        assert source.read(5, 1_000_001) == _NOISE[5:1_000_006]


async def test_reading_again_leaves_the_loop_free(tmp_path):
    threads = set()

    reading = await read_again(
        save(tmp_path, build(LARGE)), LIMITS, workers=2, progress=lambda _: threads.add(threading.current_thread())
    )

    assert isinstance(reading, Whole)
    assert threading.main_thread() not in threads


@pytest.mark.parametrize("workers", [1, 2])
async def test_reading_again_stops_when_it_is_cancelled(tmp_path, workers):
    path = save(tmp_path, build(LARGE))
    begun, go_on = threading.Event(), threading.Event()
    told: list[int] = []

    def progress(count: int) -> None:
        told.append(count)
        begun.set()
        go_on.wait(30)

    reading = asyncio.create_task(read_again(path, LIMITS, workers=workers, progress=progress))
    await asyncio.to_thread(begun.wait, 30)
    reading.cancel()
    asyncio.get_running_loop().call_soon(go_on.set)

    with pytest.raises(asyncio.CancelledError):
        await reading
    assert sum(told) < path.stat().st_size


@pytest.mark.slow
def test_memory_does_not_grow_with_members(tmp_path):
    few, many = (build([replace(LEADS, name=b"%d" % n, content=b"x") for n in range(count)]) for count in (200, 4000))

    _peak(many, tmp_path)  # fills the interpreter's own lists of spare objects
    assert _peak(many, tmp_path) < _peak(few, tmp_path) + 10_000


def test_memory_does_not_grow_with_the_size_of_a_member(tmp_path):
    data = build([replace(DEALS, content=b"zcrm_1,yes\n" * 3_000_000), PHOTO, NOTE])

    assert _peak(data, tmp_path) < 3_000_000  # of 33 MB, unpacked 1 MB at a time


def _peak(data: bytes, folder: Path) -> int:
    """Return the most memory that a check takes, in bytes."""
    check = new_check(LIMITS)("Data_001.zip")
    tracemalloc.start()
    try:
        for at in range(0, len(data), 65536):
            check.feed(memoryview(data)[at : at + 65536])
        check.finish(folder / "Data_001.zip")
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
