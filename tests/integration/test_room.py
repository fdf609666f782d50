"""Space on the archive's disk: looked at before and during downloads; too little is one clear failure."""

import asyncio
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from backupd.archive.room import Room
from backupd.core.errors import ArchiveFull
from backupd.core.events import FileFailed, FileResumed, FileRetrying
from backupd.core.exits import Exit
from backupd.download import fetching
from backupd.simulator import Drop, Refuse, Stall
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
        left = state.get("left", lambda: state["free"])()
        return _Usage(10**12, 0, 0 if full else left)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    return state


@pytest.mark.parametrize(
    ("free", "wanted", "fits"), [(150, 50, True), (149, 50, False), (100, 0, True), (99, 0, False)]
)
async def test_the_reserve_stays_free(tmp_path, disk, free, wanted, fits):
    disk["free"] = free
    room = Room(tmp_path, min_free=100)

    if fits:
        await room.claim().require(wanted)
    else:
        with pytest.raises(ArchiveFull, match=r"of which 100 B stay free$"):
            await room.claim().require(wanted)


async def test_what_one_file_still_wants_is_not_given_to_another(tmp_path, disk):
    room = Room(tmp_path, min_free=100)
    disk["free"] = 400
    first, second = room.claim(), room.claim()
    await first.require(200)

    with pytest.raises(ArchiveFull, match="200 B are for other files"):
        await second.require(101)
    await first.require(200)  # its own claim counts once
    room.claim()  # of nothing yet
    await second.require(100)

    disk["free"] = 250
    first.still(50)
    first.still(200)  # it wants no more than before
    await second.require(100)
    first.release()
    await second.require(150)


async def test_two_files_that_ask_at_once_do_not_get_the_same_bytes(tmp_path, disk):
    room = Room(tmp_path, min_free=0)
    disk["free"] = 150

    results = await asyncio.gather(room.claim().require(100), room.claim().require(100), return_exceptions=True)

    assert [type(result) for result in results] == [type(None), ArchiveFull]


def zips_below(root: Path) -> dict[int, int]:
    """Give the sizes of zips, whole or not, by inode."""
    sizes = {}
    for path in root.rglob("*.zip*"):
        with suppress(FileNotFoundError):
            if path.suffix in {".zip", ".part"}:
                sizes[path.stat().st_ino] = path.stat().st_size
    return sizes


TWO = ("Data_001.zip", "Data_002.zip")
TWO_FILES = (run("4001", names=TWO),)
TWO_JOBS = (run("4001", names=TWO[:1]), run("4002", days_ago=1, names=TWO[1:]))


@pytest.mark.parametrize("runs", [TWO_FILES, TWO_JOBS])
async def test_files_that_fit_one_by_one_do_not_keep_each_other_from_finishing(runs, tmp_path, disk, monkeypatch):
    monkeypatch.setattr(fetching, "_STRIDE", 10_000)
    async with operated(tmp_path, runs[0]) as operator:
        operator.vendor.fault(Refuse(503), file="*", always=True)
        await operator.run_once()  # so that the first job is known when the second one hides it
        operator.vendor.org().faults.clear()
        for each in runs[1:]:
            operator.vendor.add_run(each)
        lowest = 10**12

        def left() -> int:
            nonlocal lowest
            found = once = None
            while once is None or found != once:  # else one may have been moved past us
                found, once = zips_below(operator.root), found
            free = 10**9 + 8 * SIZE // 5 - sum(found.values())
            lowest = min(lowest, free)
            return free

        disk["left"] = left
        operator.min_free = "1GB"
        operator.timeout = "0.3s"
        for name in TWO:  # both have begun before either goes on, unless one was not let in
            operator.vendor.fault(Stall(after=10), file=name)
            operator.vendor.fault(Drop(after=SIZE * 7 // 10), file=name)
            operator.vendor.fault(Refuse(503), file=name, always=True)
        assert await operator.run_once() is Exit.ARCHIVE
        operator.vendor.org().faults.clear()
        operator.clock.pass_time(hours=1)
        assert await operator.run_once() is Exit.ARCHIVE

        whole = [path for path in operator.root.rglob("Data_*.zip") if path.stat().st_size > SIZE * 9 // 10]
        left()
        assert len(whole) == 1
        assert lowest >= 10**9


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
