"""Whom the program's own sessions trust, and what aiohttp reads when the program imports it."""

import ast
import contextlib
import json
import os
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
import trustme
from aiohttp import connector, web

import backupd
from backupd import tls
from backupd.app.vendor import session

PACKAGE = Path(backupd.__file__).parent
ORG = """
[orgs.main]
data_center = "us"
client_id = "1000.X"
client_secret = "x"
refresh_token = "1000.x.x"
"""
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
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
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


class _Imports:
    """Stands for `import_module`: looks where OpenSSL would look for certificates, and may fail."""

    def __init__(self, failure: BaseException | None = None) -> None:
        self.places: list[str | None] = []
        self._failure = failure

    def __call__(self, name: str) -> None:
        assert name == "aiohttp"
        self.places = [os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")]
        if self._failure is not None:
            raise self._failure


@pytest.mark.parametrize("before", [{}, {"SSL_CERT_FILE": "/ca.pem"}, {"SSL_CERT_FILE": "", "SSL_CERT_DIR": "/ca"}])
@pytest.mark.parametrize("failure", [None, ImportError("no such module"), SystemExit(0), KeyboardInterrupt()])
def test_the_environment_is_as_before_however_the_import_ends(monkeypatch, before, failure):
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in before.items():
        monkeypatch.setenv(name, value)
    expected = dict(os.environ)
    imports = _Imports(failure)
    monkeypatch.setattr(tls, "import_module", imports)

    with contextlib.nullcontext() if failure is None else pytest.raises(type(failure)):
        tls.import_aiohttp()

    assert imports.places == [os.devnull, os.devnull]
    assert dict(os.environ) == expected


@pytest.mark.parametrize("command", [["--run-once"], []])
def test_the_program_imports_aiohttp_that_way_and_tells_if_it_cannot(command, tmp_path):
    config = tmp_path / "backupd.toml"
    (tmp_path / "archive").mkdir()
    config.write_text(f"[archive]\nroot = '{tmp_path}/archive'\n[log]\nformat = 'json'\n{ORG}")
    (tmp_path / "aiohttp.py").write_text("raise ImportError")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(PACKAGE.parent)])}

    line = [sys.executable, "-m", "backupd", "--config", config, *command]
    done = subprocess.run(line, env=environment, check=False, capture_output=True, timeout=60)  # noqa: S603 (our own program)

    assert done.returncode == 1, done
    told = json.loads(done.stderr.splitlines()[-1])
    assert (told["event"], "tls.py" in told["reason"]) == ("service.failed", True)


def test_our_context_is_as_strict_as_the_one_of_aiohttp():
    theirs, ours = connector._SSL_CONTEXT_VERIFIED, tls.context()  # noqa: SLF001 (there is no public one)

    for each in ("options", "verify_flags", "verify_mode", "check_hostname", "minimum_version", "maximum_version"):
        assert getattr(ours, each) == getattr(theirs, each), each
    assert ours.get_ciphers() == theirs.get_ciphers()
    assert ours.verify_mode is ssl.CERT_REQUIRED
    assert ours.check_hostname


def test_sessions_are_made_in_one_place_where_they_are_given_the_context():
    makers = {"ClientSession", "TCPConnector"}
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.glob("**/*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name)
        if (node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id) in makers
    }

    assert found == {"app/vendor.py"}


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
