"""What `wget -c` and `aria2c -c` take for a whole file after a kill, and backupd does not."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backupd.simulator import FileSpec, Pace, Simulator, Vendor
from tests.integration.downloading import NAME, ZGID, scenario_of, some_bytes
from tests.integration.simulated import JOB
from tests.system.test_download_kills import token_of

pytestmark = pytest.mark.system

SIZE = 4_000_000
BEFORE, NOW = some_bytes(SIZE, seed=1), some_bytes(SIZE, seed=2)
PEERS = {
    "wget": ["wget", "-q", "-c", "--header", "{header}", "-P", "{folder}", "{url}"],
    "aria2c": ["aria2c", "-q", "-c", "--allow-overwrite=false", "--header", "{header}", "-d", "{folder}", "{url}"],
}
SITUATIONS = {
    "it changed": BEFORE[:1_500_000],
    "its space was reserved": bytes(SIZE),
}


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    async with Simulator(scenario_of({NAME: BEFORE})) as vendor:
        yield vendor


async def run(command: list[str]) -> int:
    process = await asyncio.create_subprocess_exec(*command, cwd=Path(__file__).parents[2])
    return await process.wait()


def url_of(vendor: Vendor) -> str:
    return f"{vendor.url}/v2/crm/{ZGID}/backup/{JOB}/{NAME}"


def backupd(folder: Path, token: str, vendor: Vendor) -> list[str]:
    return [sys.executable, "-m", "tests.system.downloading", str(folder), "4", "0", token, url_of(vendor)]


@pytest.mark.parametrize("left", SITUATIONS.values(), ids=SITUATIONS)
@pytest.mark.parametrize("tool", PEERS)
async def test_other_tools_leave_a_file_that_never_was_and_call_it_done(tmp_path, vendor, tool, left):
    """If this fails, they have learnt it."""
    vendor.replace_file(JOB, FileSpec("data", NAME, content=NOW))
    (tmp_path / NAME).write_bytes(left)
    told = {"header": f"Authorization: Zoho-oauthtoken {await token_of(vendor.url)}", "folder": tmp_path}

    status = await run([part.format(**told, url=url_of(vendor)) for part in PEERS[tool]])

    done = (tmp_path / NAME).read_bytes()
    assert status == 0
    assert done != NOW
    assert len(done) == SIZE
    assert done.startswith(left[:1_000_000])


@pytest.mark.parametrize("how", ["206", "ignored"])
async def test_backupd_killed_before_a_file_changed_has_the_new_one_alone(tmp_path, vendor, how):
    token = await token_of(vendor.url)
    vendor.pace = Pace(total=2_000_000)
    process = await asyncio.create_subprocess_exec(*backupd(tmp_path, token, vendor), cwd=Path(__file__).parents[2])
    while sum(request.sent for request in vendor.requests) < 1_500_000:  # noqa: ASYNC110  another program
        await asyncio.sleep(0.01)
    process.kill()
    await process.wait()
    vendor.pace = Pace()
    vendor.serve(range=how)
    vendor.replace_file(JOB, FileSpec("data", NAME, content=NOW))

    assert await run(backupd(tmp_path, token, vendor)) == 0

    assert vendor.requests[-1].range is not None or vendor.requests[-2].range is not None  # it did try to go on
    assert (tmp_path / f"{NAME}.part").read_bytes() == NOW


async def test_backupd_takes_no_reserved_space_for_a_file(tmp_path, vendor):
    (tmp_path / f"{NAME}.part").write_bytes(bytes(SIZE))

    assert await run(backupd(tmp_path, await token_of(vendor.url), vendor)) == 0

    assert (tmp_path / f"{NAME}.part").read_bytes() == BEFORE
