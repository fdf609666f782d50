"""A process that downloads is killed again and again: the file is the vendor's, and little is sent twice."""

import asyncio
import hashlib
import random
import sys
from pathlib import Path

import aiohttp
import pytest

from backupd.simulator import Pace, Serving, Simulator, Vendor
from tests.integration.downloading import NAME, ZGID, scenario_of, some_bytes
from tests.integration.simulated import CREDENTIALS, JOB

pytestmark = [pytest.mark.crash, pytest.mark.timeout(900)]

SIZE = 100_000_000
CONNECTIONS = 4
EACH = 2_500_000  # bytes a second a connection: a kill that lost all of it would lose far more than it may
MOST_WASTED = 1_000_000  # bytes that a kill may cost a connection


async def token_of(url: str) -> str:
    async with aiohttp.ClientSession() as session, session.post(f"{url}/oauth/v2/token", data=CREDENTIALS) as answer:
        return str((await answer.json())["access_token"])


async def start(folder: Path, vendor: Vendor, token: str) -> asyncio.subprocess.Process:
    url = f"{vendor.url}/v2/crm/{ZGID}/backup/{JOB}/{NAME}"
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.system.downloading", str(folder), str(CONNECTIONS), "0", token, url,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip


@pytest.mark.parametrize(("etag", "kills"), [("strong", 50), ("weak", 10)])
async def test_killed_at_any_moment_the_file_is_whole_and_little_is_sent_twice(tmp_path, etag, kills):
    """A file that is done before all kills fell is fetched anew."""
    content, rng = some_bytes(SIZE), random.Random(4)
    serving = Serving(etag=etag, last_modified="yes" if etag == "strong" else "none")
    digest = hashlib.sha256(content).digest()
    killed = whole = at_work = 0
    async with Simulator(scenario_of({NAME: content}, serving=serving)) as vendor:
        token = await token_of(vendor.url)
        while killed < kills or not whole:
            vendor.pace = Pace(per_connection=EACH if killed < kills else 0)
            process = await start(tmp_path, vendor, token)
            asked = len(vendor.requests)
            while len(vendor.requests) == asked and process.returncode is None:  # noqa: ASYNC110  another program
                await asyncio.sleep(0.01)  # the kills are to hit the download, not the start
            if killed < kills:
                await asyncio.wait([asyncio.create_task(process.wait())], timeout=rng.uniform(0.0, 2.5))
            if killed < kills and process.returncode is None:
                at_work = max(at_work, sum(not request.done for request in vendor.requests[asked:]))
                process.kill()
                killed += 1
                await process.wait()
                continue
            assert await process.wait() == 0
            part = tmp_path / f"{NAME}.part"
            assert hashlib.sha256(part.read_bytes()).digest() == digest
            whole += 1
            part.unlink()

        downloads = [request for request in vendor.requests if request.operation == "download"]
        sent = sum(request.sent for request in downloads)
        wasted = sent - whole * SIZE
        print(f"{etag}: {killed} kills, {whole} files, {len(downloads)} connections, sent twice {wasted / 1e6:.1f} MB")  # noqa: T201  (figures, with -s)
        assert at_work == (CONNECTIONS if etag == "strong" else 1)
        assert wasted < MOST_WASTED * len(downloads)
