"""The body of an answer over TLS, where a connection cannot be told twice that it is closed."""

import ssl

import aiohttp
import pytest
import trustme
from aiohttp import web

from backupd.download.blocks import Depot, Ring
from backupd.download.receive import Body, DirectBody, body_of
from backupd.download.setback import Setback

LENGTH = 4_000_000


async def _answer(_: web.BaseRequest) -> web.Response:
    return web.Response(body=bytes(LENGTH))


async def _to_the_end(body: Body) -> None:
    while await body.next() is not None:
        pass


@pytest.fixture
async def response():
    """An answer over TLS whose body has not been read."""
    authority = trustme.CA()
    served, ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(served)
    authority.configure_trust(ours)
    runner = web.ServerRunner(web.Server(_answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=served).start()
    connector = aiohttp.TCPConnector(ssl=ours)
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.get(f"https://localhost:{runner.addresses[0][1]}/", auto_decompress=False) as response,
    ):
        yield response
    await runner.cleanup()


async def test_a_connection_may_be_closed_by_others_before_its_user_closes_it(response):
    """Crawling ones are replaced, and all are stopped when the disk fails."""
    body = body_of(response, Ring(Depot()), lambda _: None, stall=5.0, careful=False)
    assert isinstance(body, DirectBody)
    first = await body.next()
    assert first is not None

    body.close()
    with pytest.raises(Setback, match="closed"):
        await _to_the_end(body)
    body.close()
