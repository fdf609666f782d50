"""A file read by an idle process of its own is judged as one read here."""

import asyncio
import json
import os
import sys
import zipfile
from pathlib import Path

import pytest

from backupd.core.errors import ArchiveError, ZipRejected
from backupd.core.model import Checked
from backupd.verify import Damaged, Missing, Unreadable, Whole, ZipLimits, apart, check_file
from backupd.verify.apart import read_apart, reading_from, reading_to

LIMITS = ZipLimits()


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    path = tmp_path / "Data_001.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("a.csv", b"1,2,3\n" * 1000)
    return path


async def test_a_whole_file_is_whole_there_too(whole):
    found = await read_apart(whole, LIMITS, name="data")

    assert isinstance(found, Whole)
    assert found == check_file(whole, LIMITS, name="data")


async def test_damage_is_told_with_its_reason(whole):
    content = bytearray(whole.read_bytes())
    content[60] ^= 1
    whole.write_bytes(content)

    found, here = await read_apart(whole, LIMITS, name="data"), check_file(whole, LIMITS, name="data")

    assert isinstance(found, Damaged)
    assert isinstance(here, Damaged)
    assert (found.sha256, str(found.why), found.why.reason) == (here.sha256, str(here.why), here.why.reason)


async def test_what_is_not_there_is_missing_and_what_cannot_be_read_says_why(tmp_path):
    assert isinstance(await read_apart(tmp_path / "none", LIMITS, name="none"), Missing)
    assert isinstance(await read_apart(tmp_path, LIMITS, name="folder"), Unreadable)


async def test_a_process_that_cannot_start_is_no_damage(whole, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")

    assert isinstance(await read_apart(whole, LIMITS, name="data"), Unreadable)


async def test_a_process_that_ends_without_an_answer_is_no_damage(whole, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")

    found = await read_apart(whole, LIMITS, name="data")

    assert isinstance(found, Unreadable)
    assert "ended with status 1" in str(found.why)


async def test_it_is_idle_and_knows_no_setting(whole, monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", "/their/packages")
    monkeypatch.setenv("BACKUPD_ORGS__MAIN__REFRESH_TOKEN", "1000.secret")
    fifo = tmp_path / "slow.zip"
    os.mkfifo(fifo)
    reading = asyncio.ensure_future(read_apart(fifo, LIMITS, name="slow"))
    child = await _child()

    deadline = asyncio.get_running_loop().time() + 20
    while os.sched_getscheduler(child) != os.SCHED_IDLE:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.to_thread(os.sched_yield)
    assert os.getpriority(os.PRIO_PROCESS, child) == 19
    assert b"1000.secret" not in _told_of(child, "environ")
    assert b":/their/packages\0" in _told_of(child, "environ")  # ours come first

    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert not _told_of(child, "status")  # waited for, too: a dead one that nobody asks for stays in the table


async def _child() -> int:
    """Wait until the process is there."""
    while True:
        for pid in _told_of(os.getpid(), f"task/{os.getpid()}/children").split():
            if apart.__name__.encode() in _told_of(int(pid), "cmdline"):
                return int(pid)
        await asyncio.to_thread(os.sched_yield)


def _told_of(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


@pytest.mark.parametrize(
    "found",
    [
        Whole(12, "ab" * 32, Checked(3, 500)),
        Damaged(12, "ab" * 32, ZipRejected("a.zip: member 2: damaged", reason="crc", member="member 2")),
        Damaged(0, "", ZipRejected("a.zip: it is empty", reason="truncated")),
        Missing(),
        Unreadable(ArchiveError("a.zip could not be read: Input/output error")),
    ],
)
def test_what_was_found_is_told_by_one_process_as_it_is_heard_by_the_other(found):
    heard = reading_from(json.loads(json.dumps(reading_to(found))))

    assert type(heard) is type(found)
    if isinstance(found, Damaged):
        assert isinstance(heard, Damaged)
        assert (heard.size, heard.sha256, str(heard.why)) == (found.size, found.sha256, str(found.why))
        assert (heard.why.reason, heard.why.member) == (found.why.reason, found.why.member)
    elif isinstance(found, Unreadable):
        assert isinstance(heard, Unreadable)
        assert str(heard.why) == str(found.why)
    else:
        assert heard == found
