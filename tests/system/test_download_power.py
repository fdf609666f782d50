"""The power fails during a large download over several connections: at most 64 MB of it are fetched again."""

import asyncio
import hashlib

import pytest

from backupd.download.record import boot_id
from backupd.simulator import Pace, Simulator, Vendor
from tests.integration.downloading import NAME, scenario_of, some_bytes
from tests.system.disks import Ext4
from tests.system.test_download_kills import CONNECTIONS, start, token_of

pytestmark = [pytest.mark.system, pytest.mark.crash, pytest.mark.timeout(600)]

SIZE = 300_000_000
CUTS = (140_000_000, 270_000_000)  # bytes that were sent
MOST_LOST = 64_000_000  # bytes


def sent(vendor: Vendor) -> int:
    return sum(request.sent for request in vendor.requests)


async def test_a_power_cut_costs_64_megabytes_at_most(tmp_path):
    content = b"".join(some_bytes(SIZE // 6, seed) for seed in range(6))
    disk = Ext4(tmp_path / "disk", size=500_000_000)
    try:
        async with Simulator(scenario_of({NAME: content})) as vendor:
            token = await token_of(vendor.url)
            vendor.pace = Pace(per_connection=8_000_000)  # slower than we are: what was sent has come
            for cut in CUTS:
                process = await start(disk.path, vendor, token)
                while sent(vendor) < cut:
                    assert process.returncode is None
                    await asyncio.sleep(0.01)
                disk.cut_power()
                process.kill()
                await process.wait()
                disk.unmount()
                disk.mount()
                record = disk.path / f"{NAME}.resume"
                record.write_text(record.read_text().replace(boot_id(), "an earlier boot"))
            vendor.pace = Pace()

            process = await start(disk.path, vendor, token)

            assert await process.wait() == 0
            part = disk.path / f"{NAME}.part"
            assert hashlib.sha256(part.read_bytes()).digest() == hashlib.sha256(content).digest()
            assert len(vendor.requests) > CONNECTIONS
            lost = sent(vendor) - SIZE
            print(f"{len(CUTS)} cuts, {lost / 1e6:.1f} MB sent again")  # noqa: T201  (figures, with -s)
            assert lost <= len(CUTS) * MOST_LOST
    finally:
        disk.clear()
