"""Servers that change their mind at the worst moment, or never come to the point; each answer is under our control."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from backupd.core.errors import DownloadFailed
from backupd.core.events import FileRestarted
from backupd.core.http import Version
from backupd.core.ranges import Ranges
from backupd.download import Limits
from backupd.download.disk import PartFile
from backupd.download.record import Kept, boot_id
from tests.integration.downloading import NAME, downloading, some_bytes

SIZE = 2_000_000
OLD, NEW = some_bytes(SIZE, 1), some_bytes(SIZE, 2)

Answer = Callable[[web.BaseRequest, int, int], Awaitable[web.StreamResponse]]
"""Answers a request for the bytes from a start up to a stop."""


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[str]:
    """Serve by hand; give the address."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        span = request.http_range
        return await answer(request, span.start or 0, SIZE if span.stop is None else span.stop)

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def part(content: bytes, start: int, stop: int, etag: str | None) -> web.Response:
    """Make a proper answer to a request for a part."""
    headers = {"Content-Range": f"bytes {start}-{stop - 1}/{SIZE}", **({"ETag": etag} if etag else {})}
    return web.Response(status=206, body=content[start:stop], headers=headers)


async def test_what_a_helper_brings_of_an_old_version_never_gets_into_the_new_one(tmp_path):
    """A helper receives the old version while the first connection learns that there is a new one."""
    helped, let_go = asyncio.Event(), asyncio.Event()

    async def answer(request: web.BaseRequest, start: int, stop: int) -> web.StreamResponse:
        if start == 600_000 and not helped.is_set():  # the helper's: the old version, without an end
            headers = {"Content-Range": f"bytes {start}-{stop - 1}/{SIZE}", "ETag": '"old"'}
            response = web.StreamResponse(status=206, headers=headers)
            response.content_length = stop - start
            await response.prepare(request)
            await response.write(OLD[start : start + 300_000])
            helped.set()
            await let_go.wait()
            return response
        if "Range" in request.headers and request.headers.get("If-Range") == '"old"':
            await helped.wait()
        if request.headers.get("If-Range") == '"new"':
            return part(NEW, start, stop, '"new"')
        return web.Response(body=NEW, headers={"ETag": '"new"'})

    async with downloading(tmp_path, size=1000) as bench, serving(answer) as base:
        kept = Kept(Version('"old"', None, SIZE))
        file = PartFile.begin(bench.slot, kept, boot_id())
        for start, stop in ((0, 300_000), (500_000, 600_000)):
            file.write(memoryview(OLD)[start:stop], start)
        file.sync(Ranges.of([(0, 300_000), (500_000, 600_000)]))
        file.close()

        received = await bench.fetch(link=bench.link(base=base), limits=Limits(connections=2))
        let_go.set()

        assert len([event for event in bench.told if isinstance(event, FileRestarted)]) == 1
        bench.assert_whole(received, NEW)


async def test_a_server_that_sends_nothing_new_is_asked_a_few_times_only(tmp_path):
    """Its parts end where what is compared ends."""
    asked = 0

    async def answer(request: web.BaseRequest, start: int, stop: int) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        if "Range" not in request.headers:
            response = web.StreamResponse()
            response.content_length = SIZE
            await response.prepare(request)
            await response.write(OLD[:1_000_000])
            assert request.transport is not None
            request.transport.close()
            return response
        return part(OLD, start, min(stop, start + 64 * 1024), None)

    async with downloading(tmp_path, size=1000) as bench, serving(answer) as base:
        with pytest.raises(DownloadFailed, match="next to nothing"):
            await bench.fetch(NAME, link=bench.link(base=base))

        assert asked <= 8
