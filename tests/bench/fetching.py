"""What the contestant does once it has started; see `fetch`."""

import asyncio
import json
import ssl
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp

from backupd.cli.startup import imported
from backupd.clock import SystemClock
from backupd.core.events import Event, Tell
from backupd.core.model import FileId, JobId, Kind, Link, Received
from backupd.core.patience import ONE_RUN
from backupd.core.slot import Slot
from backupd.download import Downloader, Limits, progress
from backupd.verify import ZipLimits, new_check
from tests.bench.listening import Blocks, Stopwatch, everybody


@dataclass(frozen=True, slots=True)
class Task:
    """What to fetch, and how."""

    authority: str  # path of the certificate to trust
    folder: str
    files: int  # at once
    connections: int
    urls: list[str]
    discard: bool = False  # remove each file once it is whole
    watch_loop: bool = False  # with asyncio's log of slow callbacks
    all_listen: bool = False  # everybody hears all events, and is timed
    no_progress: bool = False  # no progress is told


class _Anybody:
    def check(self, url: str) -> None:
        del url

    async def headers(self, url: str) -> dict[str, str]:
        del url
        return {"Authorization": "Zoho-oauthtoken made-up"}

    async def renew(self, headers: Mapping[str, str]) -> None:
        del headers


def _to_nobody(event: Event) -> None:
    del event


async def fetch(task: Task, tell: Tell) -> list[Received]:
    """Fetch all files, as a cycle does."""
    folder, context = Path(task.folder), ssl.create_default_context(cafile=task.authority)
    connector = aiohttp.TCPConnector(ssl=context, limit=0)
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        Downloader(
            session,
            new_check=new_check(ZipLimits()),
            clock=SystemClock(),
            tell=tell,
            limits=Limits(files_at_once=task.files, connections=task.connections),
        ) as downloader,
    ):

        async def one(url: str) -> Received:
            name = url.rpartition("/")[2]
            slot = Slot(folder / f"{name}.part", folder / f"{name}.resume")
            link = Link(JobId("1", "1"), FileId(Kind.DATA, name), url)
            deadline = datetime.now(UTC) + timedelta(days=1)
            received = await downloader.fetch(
                "bench", link, slot, authorizer=_Anybody(), deadline=deadline, patience=ONE_RUN
            )
            if task.discard:
                slot.part.unlink()  # whole, checked and on the disk it was
            return received

        return await asyncio.gather(*(one(url) for url in task.urls))


async def _watched(task: Task, tell: Tell, blocks: Blocks) -> list[Received]:
    with blocks.watching(asyncio.get_running_loop()):
        return await fetch(task, tell)


def run(text: str) -> None:
    """Fetch, and print as JSON what was received, and what it took without the start of the program."""
    task = Task(**json.loads(text))
    imported()
    if task.no_progress:
        progress._EVERY = float("inf")  # noqa: SLF001  the first is still told
    blocks, stopwatch = Blocks(), Stopwatch(everybody() if task.all_listen else _to_nobody)
    began, worked = time.perf_counter(), time.process_time()
    received = asyncio.run(_watched(task, stopwatch, blocks), debug=task.watch_loop)
    said = {
        "seconds": time.perf_counter() - began,
        "cpu": time.process_time() - worked,
        "bytes": sum(one.size for one in received),
        "attempts": sum(one.attempts for one in received),
        "events": stopwatch.events,
        "event_seconds": stopwatch.seconds,
        "longest_block": blocks.longest,
        "long_blocks": blocks.long,
    }
    sys.stdout.write(json.dumps(said))
