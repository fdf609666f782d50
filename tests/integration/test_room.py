"""Space on the archive's disk: looked at before and during downloads; too little is one clear failure."""

import shutil
from typing import Any, NamedTuple

import pytest

from backupd.archive.room import Room
from backupd.core.errors import ArchiveFull
from backupd.core.events import FileFailed, FileResumed, FileRetrying
from backupd.core.exits import Exit
from backupd.download import fetching
from backupd.simulator import Drop
from tests.integration.operator import SIZE, operated, run


class _Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def disk(monkeypatch):
    """A disk whose free space the test sets."""
    state: dict[str, Any] = {"free": 10**9}

    def usage(_path: object) -> _Usage:
        full = state.get("full_with", lambda: False)()
        return _Usage(10**12, 0, 0 if full else state["free"])

    monkeypatch.setattr(shutil, "disk_usage", usage)
    return state


@pytest.mark.parametrize(
    ("free", "wanted", "fits"), [(150, 50, True), (149, 50, False), (100, 0, True), (99, 0, False)]
)
async def test_the_reserve_stays_free(tmp_path, disk, free, wanted, fits):
    disk["free"] = free
    room = Room(tmp_path, min_free=100)

    if fits:
        await room.require(wanted)
    else:
        with pytest.raises(ArchiveFull):
            await room.require(wanted)


async def test_a_full_disk_stops_the_cycle_before_a_byte_is_asked_for_and_it_goes_on_by_itself(tmp_path, disk):
    async with operated(tmp_path, run("4001")) as operator:
        operator.min_free = "1GB"
        disk["free"] = 10**9 - 1

        assert await operator.run_once() is Exit.ARCHIVE
        assert {event.kind for event in operator.ear.of(FileFailed)} == {"archive_full"}
        assert not operator.vendor.asked("download")

        disk["free"] = 10**10
        assert await operator.run_once() is Exit.OK
        assert await operator.is_whole("4001")


async def test_a_file_that_will_not_fit_is_not_received_once_its_length_is_known(tmp_path, disk):
    async with operated(tmp_path, run("4001", names=("Data_001.zip",))) as operator:
        operator.min_free = "1GB"
        disk["free"] = 10**9 + 1_000

        assert await operator.run_once() is Exit.ARCHIVE
        assert sum(path.stat().st_size for path in (operator.root / ".staging").rglob("*.part")) == 0

        disk["free"] = 10**10
        assert await operator.run_once() is Exit.OK
        assert await operator.is_whole("4001", names=("Data_001.zip",))


async def test_a_disk_that_fills_up_meanwhile_stops_the_download_and_what_came_is_resumed(tmp_path, disk, monkeypatch):
    monkeypatch.setattr(fetching, "_STRIDE", 10_000)
    async with operated(tmp_path, run("4001", names=("Data_001.zip",))) as operator:
        operator.min_free = "1GB"
        disk["free"] = 10**9 + SIZE * 2
        operator.vendor.fault(Drop(after=40_000))
        disk["full_with"] = lambda: operator.ear.of(FileRetrying) != []  # others fill it while this waits

        assert await operator.run_once() is Exit.ARCHIVE

        (part,) = (operator.root / ".staging").rglob("*.part")
        assert part.stat().st_size >= 30_000
        disk["free"] = 10**10
        del disk["full_with"]
        assert await operator.run_once() is Exit.OK
        assert await operator.is_whole("4001", names=("Data_001.zip",))
        assert operator.ear.of(FileResumed)
