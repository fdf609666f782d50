"""The contestant: backupd's own downloader and check, over a list of URLs into a folder; prints what it saw as JSON.

python -m tests.bench.fetch [--discard] [--watch-loop] [--all-listen | --no-progress] CA FOLDER FILES CONNECTIONS URL...
"""

import argparse
import asyncio
import gc
import json
import ssl
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp

from backupd.clock import SystemClock
from backupd.core.events import Event, Tell
from backupd.core.model import FileId, JobId, Kind, Link, Received
from backupd.core.patience import ONE_RUN
from backupd.core.slot import Slot
from backupd.download import Downloader, Limits, progress
from backupd.verify import ZipLimits, new_check
from tests.bench.listening import Blocks, Stopwatch, everybody


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


async def fetch(asked: argparse.Namespace, tell: Tell) -> list[Received]:
    """Fetch all files, as a cycle does."""
    context = ssl.create_default_context(cafile=asked.authority)
    connector = aiohttp.TCPConnector(ssl=context, limit=0)
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        Downloader(
            session,
            new_check=new_check(ZipLimits()),
            clock=SystemClock(),
            tell=tell,
            limits=Limits(files_at_once=asked.files, connections=asked.connections),
        ) as downloader,
    ):

        async def one(url: str) -> Received:
            name = url.rpartition("/")[2]
            slot = Slot(asked.folder / f"{name}.part", asked.folder / f"{name}.resume")
            link = Link(JobId("1", "1"), FileId(Kind.DATA, name), url)
            deadline = datetime.now(UTC) + timedelta(days=1)
            received = await downloader.fetch(
                "bench", link, slot, authorizer=_Anybody(), deadline=deadline, patience=ONE_RUN
            )
            if asked.discard:
                slot.part.unlink()  # whole, checked and on the disk it was
            return received

        return await asyncio.gather(*(one(url) for url in asked.urls))


async def _watched(asked: argparse.Namespace, tell: Tell, blocks: Blocks) -> list[Received]:
    with blocks.watching(asyncio.get_running_loop()):
        return await fetch(asked, tell)


def main() -> None:
    """Fetch, and print as JSON what was received, and what it took without the start of the program."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.fetch")
    parser.add_argument("--discard", action="store_true", help="remove each file once it is whole")
    parser.add_argument("--watch-loop", action="store_true", help="with asyncio's log of slow callbacks")
    parser.add_argument("--all-listen", action="store_true", help="everybody hears all events, and is timed")
    parser.add_argument("--no-progress", action="store_true", help="no progress is told")
    parser.add_argument("authority")
    parser.add_argument("folder", type=Path)
    parser.add_argument("files", type=int)
    parser.add_argument("connections", type=int)
    parser.add_argument("urls", nargs="+")
    asked = parser.parse_args()
    gc.freeze()  # as the program does behind its imports
    if asked.no_progress:
        progress._EVERY = float("inf")  # noqa: SLF001  the first is still told
    blocks, stopwatch = Blocks(), Stopwatch(everybody() if asked.all_listen else _to_nobody)
    began, worked = time.perf_counter(), time.process_time()
    received = asyncio.run(_watched(asked, stopwatch, blocks), debug=asked.watch_loop)
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


if __name__ == "__main__":
    main()
