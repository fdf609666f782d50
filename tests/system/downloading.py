"""A program that downloads files with backupd's downloader and is there to be killed.

python -m tests.system.downloading FOLDER CONNECTIONS BANDWIDTH TOKEN URL...: prints one JSON line a file, then ends
with 0. A bandwidth of 0 is no limit.
"""

import asyncio
import hashlib
import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp

from backupd.core.check import Check
from backupd.core.model import Checked, FileId, JobId, Kind, Link
from backupd.core.patience import ONE_RUN
from backupd.core.slot import Slot
from backupd.download import Downloader, Limits


class _Clock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _Token:
    """Any token, for loopback only."""

    def __init__(self, value: str) -> None:
        self._value = value

    def check(self, url: str) -> None:
        assert "://127.0.0.1:" in url

    async def headers(self, url: str) -> dict[str, str]:
        self.check(url)
        return {"Authorization": f"Zoho-oauthtoken {self._value}"}

    async def renew(self, headers: Mapping[str, str]) -> None:
        raise AssertionError(f"{len(headers)} headers were refused")


class _Believe:
    """A check that believes everything that comes in order."""

    def __init__(self) -> None:
        self._seen = hashlib.sha256()

    def feed(self, block: bytes | bytearray | memoryview) -> None:
        self._seen.update(block)

    def finish(self, path: Path) -> Checked:
        assert hashlib.sha256(path.read_bytes()).digest() == self._seen.digest()
        return Checked(1, path.stat().st_size)


def _new_check(name: str) -> Check:
    del name
    return _Believe()


async def _download(folder: Path, limits: Limits, token: str, urls: list[str]) -> None:
    async with (
        aiohttp.ClientSession() as session,
        Downloader(
            session,
            new_check=_new_check,
            clock=_Clock(),
            tell=lambda event: None,
            limits=limits,
        ) as downloader,
        asyncio.TaskGroup() as group,
    ):
        for url in urls:
            group.create_task(_one(downloader, folder, token, url))


async def _one(downloader: Downloader, folder: Path, token: str, url: str) -> None:
    name = url.rpartition("/")[2]
    received = await downloader.fetch(
        "main",
        Link(JobId("1", "1"), FileId(Kind.DATA, name), url),
        Slot(folder / f"{name}.part", folder / f"{name}.resume"),
        authorizer=_Token(token),
        deadline=datetime.now(UTC) + timedelta(days=1),
        patience=ONE_RUN,
    )
    told = {"sha256": received.sha256, "attempts": received.attempts, "resumed": received.resumed_bytes}
    sys.stdout.write(json.dumps(told) + "\n")


def main() -> None:
    """Download."""
    folder, connections, bandwidth, token, *urls = sys.argv[1:]
    limits = Limits(connections=int(connections), timeout=5, bandwidth=int(bandwidth) or None)
    asyncio.run(_download(Path(folder), limits, token, urls))


if __name__ == "__main__":
    main()
