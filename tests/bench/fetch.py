"""The contestant: backupd's own downloader and check, over a list of URLs into a folder.

python -m tests.bench.fetch CA FOLDER FILES_AT_ONCE CONNECTIONS URL...
"""

import asyncio
import json
import logging
import os
import ssl
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp

from backupd.core.events import Event
from backupd.core.model import FileId, JobId, Kind, Link, Received
from backupd.core.patience import ONE_RUN
from backupd.core.slot import Slot
from backupd.download import Downloader, Limits
from backupd.verify import ZipLimits, new_check


class _Clock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _Anybody:
    def check(self, url: str) -> None:
        del url

    async def headers(self, url: str) -> dict[str, str]:
        del url
        return {"Authorization": "Zoho-oauthtoken made-up"}

    async def renew(self, headers: Mapping[str, str]) -> None:
        del headers


def _tell(event: Event) -> None:
    if event.level != "debug" and os.environ.get("BENCH_EVENTS"):
        sys.stderr.write(f"{event}\n")


async def _fetch(authority: str, folder: Path, files: int, connections: int, urls: list[str]) -> list[Received]:
    if os.environ.get("BENCH_SLOW"):  # report whatever blocks the loop for longer than 50 ms
        asyncio.get_running_loop().set_debug(True)
        asyncio.get_running_loop().slow_callback_duration = 0.05
        logging.basicConfig(level=logging.WARNING)
    context = ssl.create_default_context(cafile=authority)
    connector = aiohttp.TCPConnector(ssl=context, limit=0)
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        Downloader(
            session,
            new_check=new_check(ZipLimits()),
            clock=_Clock(),
            tell=_tell,
            limits=Limits(files_at_once=files, connections=connections),
        ) as downloader,
    ):

        async def one(url: str) -> Received:
            name = url.rpartition("/")[2]
            slot = Slot(folder / f"{name}.part", folder / f"{name}.resume")
            link = Link(JobId("1", "1"), FileId(Kind.DATA, name), url)
            deadline = datetime.now(UTC) + timedelta(days=1)
            return await downloader.fetch(
                "bench", link, slot, authorizer=_Anybody(), deadline=deadline, patience=ONE_RUN
            )

        return await asyncio.gather(*(one(url) for url in urls))


def main() -> None:
    """Fetch, and say what was received as JSON."""
    authority, folder, files, connections, *urls = sys.argv[1:]
    received = asyncio.run(_fetch(authority, Path(folder), int(files), int(connections), urls))
    sys.stdout.write(json.dumps({one.file.name: [one.sha256, one.attempts] for one in received}))


if __name__ == "__main__":
    main()
