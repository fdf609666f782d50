"""Whom the program's own sessions trust, and what aiohttp reads when the program imports it."""

import json
import os
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
import trustme
from aiohttp import web

from backupd import tls
from backupd.app.vendor import session

IMPORTED = """
import json, os, sys
from backupd import tls
from backupd.cli import daemon
before = dict(os.environ)
assert daemon and "aiohttp" not in sys.modules
tls.import_aiohttp()
from aiohttp import connector
kept = before == dict(os.environ)
theirs = [len(one.get_ca_certs()) for one in (connector._SSL_CONTEXT_VERIFIED, connector._SSL_CONTEXT_UNVERIFIED)]
print(json.dumps([kept, theirs, len(tls.context().get_ca_certs())]))
"""


@pytest.fixture(autouse=True)
def _read_again() -> Iterator[None]:
    tls.context.cache_clear()
    yield
    tls.context.cache_clear()


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


async def _here(request: web.Request) -> web.Response:
    del request
    return web.Response(text="here")


@pytest.fixture
async def port(authority) -> AsyncIterator[int]:
    """The port of a server on loopback whose certificate is the authority's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    application = web.Application()
    application.router.add_get("/", _here)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "localhost", 0, ssl_context=context)
    await site.start()
    yield runner.addresses[0][1]
    await runner.cleanup()


@pytest.mark.parametrize("named", [True, False])
def test_aiohttp_is_imported_without_certificates_and_the_environment_is_as_before(tmp_path, authority, named):
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    environment = {name: value for name, value in os.environ.items() if name not in {"SSL_CERT_FILE", "SSL_CERT_DIR"}}
    if named:
        environment["SSL_CERT_FILE"] = str(path)

    done = subprocess.run([sys.executable, "-c", IMPORTED], env=environment, check=True, capture_output=True)  # noqa: S603 (our own program)

    kept, theirs, ours = json.loads(done.stdout)
    assert kept
    assert theirs == [0, 0]
    assert ours == 1 or not named  # without a name it is what the system has, which may be nothing


async def test_a_session_trusts_what_the_variable_names(port, tmp_path, authority, monkeypatch):
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))

    async with session() as ours, ours.get(f"https://localhost:{port}/") as answer:
        assert await answer.text() == "here"


async def test_a_session_trusts_nobody_else(port, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    async with session() as ours:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await ours.get(f"https://localhost:{port}/")


async def test_a_session_refuses_a_certificate_for_another_name(port, tmp_path, authority, monkeypatch):
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    async with session() as ours:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await ours.get(f"https://127.0.0.1:{port}/")
