"""Memory does not grow with the size of what is archived: a job of 2 GB takes as much as one of a tenth of it."""

import asyncio
import random
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from backupd.simulator import FileSpec, RunSpec, ago
from tests.system.process import Shell
from tests.system.site import FOUR, new_site, vendor_with

pytestmark = [pytest.mark.bench, pytest.mark.timeout(1800)]

MOST = 120_000  # kilobytes
GROWTH = 1.10
_LINE = "zcrm_4876876000000{:06d},Ada,Lovelace,ada.lovelace{:06d}@example.com,+44 20 7946 {:04d},2022-06-23T17:31:03Z\n"


@pytest.fixture(scope="module")
def zips(tmp_path_factory) -> Iterator[dict[int, Path]]:
    """Make a zip of 50 MB and one of 500 MB: a table that shrinks, and much that does not."""
    folder = tmp_path_factory.mktemp("zips")
    yield {size: _make(folder / f"{size}.zip", size) for size in (50_000_000, 500_000_000)}
    shutil.rmtree(folder)


def _make(path: Path, size: int) -> Path:
    block = random.Random(size).randbytes(1_000_000)
    with zipfile.ZipFile(path, "w") as file:
        table = "".join(_LINE.format(row, row, row % 10_000) for row in range(size // 500))
        file.writestr(zipfile.ZipInfo("Data/Contacts_001.csv"), table, zipfile.ZIP_DEFLATED, 1)
        number = 0
        while (file.fp.tell() if file.fp else size) < size:
            with file.open(zipfile.ZipInfo(f"Data/Files_{number:03d}.bin"), "w") as member:
                for _ in range(20):
                    member.write(block)
            number += 1
    return path


async def test_a_job_of_two_gigabytes_takes_no_more_memory_than_one_of_a_tenth(shell, tmp_path, zips):
    peaks = {size: await _peak(shell, tmp_path / str(size), path) for size, path in zips.items()}

    print({f"{4 * size // 1_000_000} MB": f"{peak} kB" for size, peak in peaks.items()})  # noqa: T201  (figures, with -s)
    small, large = peaks.values()
    assert large < MOST
    assert large <= small * GROWTH


async def _peak(shell: Shell, folder: Path, path: Path) -> int:
    """Archive a job of four such zips; return the most memory the process had, in kilobytes."""
    files = tuple(FileSpec(kind, name, path=path) for kind, name in FOUR)
    async with vendor_with(RunSpec("4000", finished=ago(days=2), files=files)) as vendor:
        site = new_site(vendor, folder)
        running = await shell.start(*site.once)
        peak = 0
        while not running.has_ended:
            peak = _high_water(running.pid) or peak
            await asyncio.sleep(0.05)
        ended = await running.ended()
        assert ended.status == 0, ended.lines
        assert len(ended.told("file.verified")) == len(FOUR)
        shutil.rmtree(folder)
        return peak


def _high_water(pid: int) -> int | None:
    """Return what the process had in memory at most so far; unlike wait4's figure without what its parent had."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), None)
