"""A disk without room, for real: a clear error and 73, what came is kept, and the work goes on when there is room."""

import signal
from pathlib import Path

import pytest

from tests.system.archived import archived, half_done, unfinished, whole_files
from tests.system.disks import do, tmpfs
from tests.system.process import Ended, Shell
from tests.system.site import FOUR, Site, four_files, new_site, vendor_with

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

SIZE = 3_000_000  # bytes a file


@pytest.fixture
async def vendor():
    async with vendor_with(four_files(size=SIZE)) as vendor:
        yield vendor


async def test_a_disk_that_is_too_small_is_told_before_a_byte_too_many_is_fetched(shell, vendor, tmp_path):
    with tmpfs(tmp_path / "disk", "size=8m") as disk:
        site = new_site(vendor, disk)

        ended = await shell.run(*site.once)

        assert_full(ended)
        assert half_done(site.root) == []
        await goes_on_with_room(shell, site)


async def test_a_disk_that_others_fill_meanwhile_is_told_and_what_came_is_kept(shell, vendor, tmp_path):
    with tmpfs(tmp_path / "disk", "size=24m") as disk:
        site = new_site(vendor, disk)
        vendor.set_pace(total=3_000_000)
        running = await shell.start(*site.once)
        await vendor.until(lambda: sum(request.sent for request in vendor.requests) > SIZE, within=60)
        fill(disk / "of others")
        ended = await running.ended()
        vendor.set_pace()

        assert_full(ended)
        assert half_done(site.root) == []
        came = sum(path.stat().st_size for path in site.root.glob(".staging/main/*/*/*/*.*"))
        assert came > SIZE / 2
        await goes_on_with_room(shell, site)
        sent = sum(request.sent for request in vendor.requests)
        assert sent <= 4 * SIZE * 1.01 + 4_000_000


async def test_a_daemon_on_a_full_disk_goes_on_by_itself_when_there_is_room(shell, vendor, tmp_path):
    with tmpfs(tmp_path / "disk", "size=8m") as disk:
        site = new_site(vendor, disk, {"poll": 'every = "1s"\njitter = "0s"'})
        running = await shell.start("--config", site.config)
        await running.told("archive_full")

        do("mount", "-o", "remount,size=64m", disk)
        await running.told("job.published")
        running.signal(signal.SIGTERM)
        assert (await running.ended()).status == 0

        assert half_done(site.root) == []
        assert len(archived(site.root).files) == len(FOUR)


async def test_a_disk_without_inodes_is_told_as_full(shell, vendor, tmp_path):
    with tmpfs(tmp_path / "disk", "size=64m,nr_inodes=40") as disk:
        site = new_site(vendor, disk)

        ended = await shell.run(*site.once)

        assert_full(ended)
        assert half_done(site.root) == []
        do("mount", "-o", "remount,nr_inodes=1000", disk)
        assert (await shell.run(*site.once)).status == 0


async def test_a_disk_that_is_mounted_read_only_is_78_and_nothing_is_fetched(shell, vendor, tmp_path):
    with tmpfs(tmp_path / "disk", "size=64m") as disk:
        site = new_site(vendor, disk)
        line = site.once
        do("mount", "-o", "remount,ro", disk)

        ended = await shell.run(*line)

        assert ended.status == 78
        assert vendor.requests == []
        (told,) = ended.lines
        assert "Read-only file system" in told
        do("mount", "-o", "remount,rw", disk)
        assert (await shell.run(*line)).status == 0


def assert_full(ended: Ended) -> None:
    assert ended.status == 73, ended.lines
    assert "archive_full" in "".join(ended.lines) or "No space left" in "".join(ended.lines)
    assert "Free some space" in "".join(ended.lines)


def fill(path: Path) -> None:
    """Write until there is no room."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(100_000))
        except OSError:
            return


async def goes_on_with_room(shell: Shell, site: Site) -> None:
    """Make the disk larger, and see the work done without fetching again what is whole."""
    whole = {name for _, name in whole_files(site.root)}
    before = len(site.vendor.requests)
    do("mount", "-o", "remount,size=64m", site.folder)
    ended = await shell.run(*site.once)
    assert ended.status == 0, ended.lines
    asked = [request for request in site.vendor.requests[before:] if request.operation == "download"]
    assert {request.path.rpartition("/")[2] for request in asked} & whole == set()
    assert len(archived(site.root).files) == len(FOUR)
    assert half_done(site.root) == unfinished(site.root) == []
