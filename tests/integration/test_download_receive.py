"""The body of an answer over TLS, where a connection cannot be told twice that it is closed."""

import asyncio
import ssl
from itertools import pairwise

import aiohttp
import pytest
import trustme
from aiohttp import web

from backupd.download.blocks import BLOCK, Depot, Ring
from backupd.download.receive import Body, DirectBody, body_of
from backupd.download.setback import Setback

LENGTH = 4_000_000


async def _answer(request: web.BaseRequest) -> web.StreamResponse:
    if request.path != "/broken":
        return web.Response(body=bytes(LENGTH))
    answer = web.StreamResponse(headers={"Content-Length": str(LENGTH)})
    await answer.prepare(request)
    await answer.write(bytes(1000))
    assert request.transport is not None
    request.transport.close()
    return answer


async def _to_the_end(body: Body) -> None:
    while await body.next() is not None:
        pass


@pytest.fixture
async def asking():
    """A session over TLS, where to ask, and the connections that the server has seen."""
    authority = trustme.CA()
    served, ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(served)
    authority.configure_trust(ours)
    seen = set()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        seen.add(request.transport)
        return await _answer(request)

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=served).start()
    connector = aiohttp.TCPConnector(ssl=ours)
    async with aiohttp.ClientSession(connector=connector) as session:
        yield session, f"https://localhost:{runner.addresses[0][1]}/", seen
    await runner.cleanup()


@pytest.fixture
async def response(asking):
    """An answer over TLS whose body has not been read."""
    session, url, _ = asking
    async with session.get(url, auto_decompress=False) as response:
        yield response


async def test_a_connection_may_be_closed_by_others_before_its_user_closes_it(response):
    """Crawling ones are replaced, and all are stopped when the disk fails."""
    body = body_of(response, Ring(Depot()), lambda _: None, start=0, stall=5.0, careful=False)
    assert isinstance(body, DirectBody)
    first = await body.next()
    assert first is not None

    body.close()
    with pytest.raises(Setback, match="closed"):
        await _to_the_end(body)
    body.close()


@pytest.mark.parametrize("start", [0, 1, 100_000, BLOCK, 3 * BLOCK - 1])
async def test_blocks_end_where_those_of_the_file_do_wherever_the_body_begins(response, start):
    """All but the last, and the last one of what came with the head: more may come only after some round trips."""
    body = body_of(response, Ring(Depot()), lambda _: None, start=start, stall=5.0, careful=False)
    ends = [start]
    while (block := await body.next()) is not None:
        ends.append(ends[-1] + block.size)
        block.give_back()
    body.close()

    assert ends[-1] == start + LENGTH
    assert len([end for end in ends[1:-1] if end % BLOCK]) <= 1
    assert max(stop - at for at, stop in pairwise(ends)) == BLOCK


async def _fetch(session: aiohttp.ClientSession, url: str, blocks: int | None = None) -> int:
    """Read an answer, or only its first blocks; return how many bytes that were."""
    async with session.get(url, auto_decompress=False) as response:
        body = body_of(response, Ring(Depot()), lambda _: None, start=0, stall=5.0, careful=False)
        assert isinstance(body, DirectBody)
        size = 0
        while (blocks is None or blocks > 0) and (block := await body.next()) is not None:
            size += block.size
            block.give_back()
            blocks = None if blocks is None else blocks - 1
        body.close()
        return size


async def test_a_connection_whose_body_came_whole_is_used_again(asking):
    session, url, seen = asking

    assert [await _fetch(session, url) for _ in range(3)] == [LENGTH] * 3
    assert len(seen) == 1


async def test_a_connection_that_was_left_is_not_used_again(asking):
    session, url, seen = asking

    await _fetch(session, url, blocks=2)
    assert await _fetch(session, url) == LENGTH
    assert len(seen) == 2


async def test_aiohttps_own_watch_does_not_spoil_a_connection_that_is_used_again(response):
    """It hears nothing while our protocol has the connection."""
    body = body_of(response, Ring(Depot()), lambda _: None, start=0, stall=5.0, careful=False)

    assert response.connection.protocol.read_timeout is None
    body.close()


async def test_a_connection_that_ended_just_before_its_body_is_taken_is_noticed_at_once(asking):
    """Over TLS the protocol that it had then is told a moment later, and no other."""
    session, url, _ = asking
    async with session.get(f"{url}broken", auto_decompress=False) as response:
        transport = response.connection.transport
        while transport.get_protocol() is not None:  # noqa: ASYNC110  an event would come after the moment
            await asyncio.sleep(0)
        assert response.content.exception() is None  # this is the moment
        body = body_of(response, Ring(Depot()), lambda _: None, start=0, stall=60.0, careful=False)

        with pytest.raises(Setback):
            await asyncio.wait_for(_to_the_end(body), 5)
        body.close()
