"""The client on a real line: what hostile and broken servers do, and that no secret gets into any text."""

import ssl
import traceback

import aiohttp
import pytest
import trustme
from aiohttp import web

from backupd.core.errors import BackupdError, UnreadableAnswer, VendorUnavailable
from backupd.core.patience import Patience
from backupd.zoho.account import Account
from backupd.zoho.auth import Tokens
from backupd.zoho.client import ZohoClient
from tests.fakes.clock import FakeClock

SECRETS = ("SECRET-client", "SECRET-refresh", "SECRET-AT")
ONE_TRY = Patience(call_tries=1, file_tries=1, longest_wait=1.0, idle_limit=1.0)


def texts(error):
    """Everything that could end up in a log: texts, reprs and tracebacks of the whole chain."""
    while error is not None:
        yield str(error)
        yield repr(error)
        yield "".join(traceback.format_exception(error))
        error = error.__cause__ or error.__context__


class Vendor:
    """A vendor on loopback that repeats what it is sent, in the way `manner` says."""

    def __init__(self):
        self.manner = "echo"
        self.requests: list[web.BaseRequest] = []

    async def answer(self, request):
        self.requests.append(request)
        if request.path == "/oauth/v2/token" and self.manner != "token":
            return web.json_response({"access_token": "SECRET-AT", "expires_in": 3600})
        return await getattr(self, self.manner)(request)

    async def token(self, request):
        form = await request.post()
        return web.json_response({"error": form["refresh_token"], "error_description": form["client_secret"]})

    async def echo(self, request):
        return web.Response(status=400, text=str(request.headers))

    async def page(self, request):
        return web.Response(text=f"<html>{request.headers}</html>", content_type="text/html")

    async def code(self, request):
        authorization = request.headers["Authorization"]
        return web.json_response({"code": authorization, "status": "error", "message": authorization}, status=400)

    async def field(self, request):
        return web.json_response({"backup": {"id": request.headers["Authorization"], "status": "SCHEDULED"}})

    async def unauthorized(self, _request):
        return web.json_response({"code": "INVALID_TOKEN", "status": "error"}, status=401)

    async def redirect(self, request):
        raise web.HTTPTemporaryRedirect(f"http://127.0.0.1:1/{request.headers['Authorization']}")

    async def hang_up(self, request):
        request.transport.close()
        return web.Response()

    async def garbage(self, request):
        request.transport.write(f"NO HTTP {request.headers['Authorization']}\r\n\r\n".encode())
        request.transport.close()
        return web.Response()

    async def huge(self, _request):
        return web.Response(body=b"{" + b" " * 9_000_000, content_type="application/json")

    async def cut(self, request):
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(request.headers["Authorization"].encode())
        request.transport.close()
        return response


@pytest.fixture
async def vendor():
    return Vendor()


@pytest.fixture
async def listen(vendor):
    """Start the vendor, with or without TLS, and give its port."""
    runner = web.ServerRunner(web.Server(vendor.answer))
    await runner.setup()

    async def start(context=None):
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        return runner.addresses[0][1]

    yield start
    await runner.cleanup()


@pytest.fixture
async def address(listen):
    return f"http://127.0.0.1:{await listen()}"


def client_at(session, address, tmp_path):
    account = Account(
        org="main",
        accounts_url=address,
        api_domain=address,
        download_hosts=("download-accl.zoho.com",),
        client_id="1000.CLIENT",
        client_secret="SECRET-client",
        refresh_token="SECRET-refresh",
    )
    clock = FakeClock()
    told: list[object] = []
    tokens = Tokens(
        session, account, cache=tmp_path / "main.token", clock=clock, tell=told.append, learn=lambda _secret: None
    )
    return ZohoClient(session, account, tokens, patience=ONE_TRY, clock=clock, tell=told.append), told


@pytest.mark.parametrize(
    "manner",
    ["token", "echo", "page", "code", "field", "unauthorized", "redirect", "hang_up", "garbage", "cut"],
)
async def test_no_secret_is_in_any_text_of_any_error_or_event(vendor, address, tmp_path, manner):
    vendor.manner = manner
    async with aiohttp.ClientSession() as session:
        client, told = client_at(session, address, tmp_path)
        for call in (client.schedule, client.offers, lambda: client.create_schedule(None)):
            if manner == "field" and call == client.offers:
                continue
            with pytest.raises(BackupdError) as caught:
                await call()
            said = "\n".join([*texts(caught.value), caught.value.advice, repr(told), repr(vars(caught.value))])
            assert not [secret for secret in SECRETS if secret in said]


async def test_a_redirect_is_not_followed(vendor, address, tmp_path):
    vendor.manner = "redirect"
    async with aiohttp.ClientSession() as session:
        client, _ = client_at(session, address, tmp_path)
        with pytest.raises(BackupdError, match="redirect"):
            await client.schedule()
    assert [request.path for request in vendor.requests] == ["/oauth/v2/token", "/crm/bulk/v8/backup"]


async def test_a_port_where_nobody_listens_is_named_with_the_reason(tmp_path):
    async with aiohttp.ClientSession() as session:
        client, _ = client_at(session, "http://127.0.0.1:1", tmp_path)
        with pytest.raises(VendorUnavailable, match=r"no connection to 127\.0\.0\.1: Connection refused"):
            await client.schedule()


async def test_a_certificate_that_is_not_trusted_is_explained(vendor, listen, tmp_path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    port = await listen(context)
    async with aiohttp.ClientSession() as session:
        client, _ = client_at(session, f"https://localhost:{port}", tmp_path)
        with pytest.raises(VendorUnavailable, match="certificate of localhost is not trusted") as caught:
            await client.schedule()
    assert "SSL_CERT_FILE" in caught.value.advice
    assert vendor.requests == []


async def test_an_answer_without_end_is_not_read_to_its_end(vendor, address, tmp_path):
    vendor.manner = "huge"
    async with aiohttp.ClientSession() as session:
        client, _ = client_at(session, address, tmp_path)
        with pytest.raises(UnreadableAnswer, match="larger than"):
            await client.schedule()
