"""A process that downloads is killed again and again: the file is the vendor's, and little is sent twice."""

import asyncio
import hashlib
import random
import sys
from pathlib import Path

import aiohttp
import pytest

from backupd.simulator import Pace, Serving, Simulator
from tests.integration.downloading import NAME, ZGID, scenario_of, some_bytes
from tests.integration.simulated import CREDENTIALS, JOB

pytestmark = [pytest.mark.crash, pytest.mark.timeout(300)]

SIZE = 40_000_000
CONNECTIONS = 4


async def token_of(url: str) -> str:
    async with aiohttp.ClientSession() as session, session.post(f"{url}/oauth/v2/token", data=CREDENTIALS) as answer:
        return str((await answer.json())["access_token"])


@pytest.mark.parametrize(("etag", "kills"), [("strong", 50), ("weak", 10)])
async def test_killed_at_any_moment_the_file_is_whole_and_little_is_sent_twice(tmp_path, etag, kills):
    content, rng = some_bytes(SIZE), random.Random(4)
    async with Simulator(scenario_of({NAME: content}, serving=Serving(etag=etag))) as vendor:
        vendor.pace = Pace(per_connection=400_000 if etag == "strong" else 1_200_000)
        token, url = await token_of(vendor.url), f"{vendor.url}/v2/crm/{ZGID}/backup/{JOB}/{NAME}"

        async def start() -> asyncio.subprocess.Process:
            return await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.system.downloading", str(tmp_path), str(CONNECTIONS), "0", token, url,
                cwd=Path(__file__).parents[2],
            )  # fmt: skip

        for _ in range(kills):
            process = await start()
            asked = len(vendor.requests)
            while len(vendor.requests) == asked and process.returncode is None:  # noqa: ASYNC110  another program
                await asyncio.sleep(0.01)  # the kills are to hit the download, not the start
            await asyncio.sleep(rng.uniform(0.0, 1.2))
            if process.returncode is None:
                process.kill()
            await process.wait()
        vendor.pace = Pace()
        process = await start()

        assert await process.wait() == 0
        whole = (tmp_path / f"{NAME}.part").read_bytes()
        assert hashlib.sha256(whole).digest() == hashlib.sha256(content).digest()
        downloads = [request for request in vendor.requests if request.operation == "download"]
        assert len(downloads) > kills + (10 if etag == "strong" else 0)  # there were segments
        assert sum(request.sent for request in downloads) - SIZE < 1_000_000 * len(downloads)
