"""The page of a real daemon, and the metrics of a real single run."""

import asyncio
import json
import signal
import socket
import subprocess
import sys

import aiohttp
import pytest

from tests.system.process import ROOT, Shell
from tests.system.site import Site, four_files, new_site, vendor_with

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

LOADED = """
import sys
import backupd.app, backupd.cli.daemon, backupd.download, backupd.verify, backupd.zoho.client, backupd.web
print([name for name in ("aiohttp.web_server", "jinja2", "aiohttp_jinja2", "prometheus_client") if name in sys.modules])
"""


@pytest.fixture
async def vendor():
    """A vendor that has nothing yet."""
    async with vendor_with() as vendor:
        yield vendor


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as door:
        return int(door.getsockname()[1])


@pytest.fixture
def site(vendor, tmp_path, port) -> Site:
    tables = {"poll": 'every = "1s"\njitter = "0s"', "web": f'listen = "127.0.0.1:{port}"'}
    return new_site(vendor, tmp_path, tables)


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as session:
        yield session


async def ask(session: aiohttp.ClientSession, port: int, path: str = "") -> tuple[int, str]:
    async with session.get(f"http://127.0.0.1:{port}/{path}") as answer:
        return answer.status, await answer.text()


async def test_the_page_of_a_daemon_says_what_it_does_while_it_does_it(shell: Shell, site, port, session):
    running = await shell.start("--config", site.config)
    await running.told("page.listening")
    await running.told("cycle.finished")
    status, report = await ask(session, port, "healthz")
    assert (status, json.loads(report)["orgs"][0]["reason"]) == (503, "nothing is archived yet")

    site.vendor.set_pace(total=2_000_000)
    site.vendor.add_run(four_files(size=1_500_000))
    async with session.get(f"http://127.0.0.1:{port}/events") as stream:
        heard = b""
        async with asyncio.timeout(30):
            while b"event: progress" not in heard:
                heard += await stream.content.readany()
        _, page = await ask(session, port)
        assert 'class="job"' in page
        assert "<progress" in page

        site.vendor.set_pace()
        await running.told("job.published")
        await running.told("cycle.finished", 3)
        assert (await ask(session, port, "healthz"))[0] == 200
        assert 'backupd_published_snapshots_total{org="main"} 1.0' in (await ask(session, port, "metrics"))[1]
        assert "Your backups are safe" in (await ask(session, port))[1]

        running.signal(signal.SIGTERM)  # with a page open
        assert (await running.ended(within=5)).status == 0


async def test_a_reload_moves_the_page_or_ends_it(shell: Shell, site, port, session):
    running = await shell.start("--config", site.config)
    await running.told("cycle.finished")
    site.tables["web"] = 'listen = ""'
    assert site.config.exists()
    running.signal(signal.SIGHUP)
    await running.told("settings.reloaded")

    with pytest.raises(aiohttp.ClientConnectorError):
        await ask(session, port)

    site.tables["web"] = f'listen = "127.0.0.1:{port}"\ntoken = "correct-horse"'
    assert site.config.exists()
    running.signal(signal.SIGHUP)
    await running.told("page.listening", 2)
    assert (await ask(session, port))[0] == 401
    assert not [line for line in running.lines if "correct-horse" in line]


async def test_a_port_that_is_taken_is_told_and_archiving_goes_on(shell: Shell, site, port):
    with socket.create_server(("127.0.0.1", port)):
        site.vendor.add_run(four_files(size=20_000))
        running = await shell.start("--config", site.config)
        await running.told("job.published")

    (told,) = [json.loads(line) for line in running.lines if "page.unavailable" in line]
    assert told["level"] == "warning"
    assert "in use" in told["reason"]
    assert "web.listen" in told["advice"]


async def test_a_single_run_leaves_its_metrics_and_a_folder_that_is_gone_fails_no_backup(shell: Shell, site):
    folder = site.folder / "collector"
    folder.mkdir()
    site.tables["metrics"] = f'textfile = "{folder}/backupd.prom"'
    site.vendor.add_run(four_files(size=20_000))
    assert (await shell.run(*site.once)).status == 0

    text = (folder / "backupd.prom").read_text()
    assert "backupd_last_run_exit_status 0.0" in text
    assert 'backupd_protected{org="main"} 1.0' in text
    (folder / "backupd.prom").unlink()
    folder.rmdir()
    ended = await shell.run(*site.once)
    assert ended.status == 0
    (told,) = ended.told("metrics.not_written")
    assert "No such file" in told["reason"]


def test_nothing_of_the_page_is_loaded_where_it_is_not_wanted():
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True, cwd=ROOT)

    assert done.stdout.strip() == "[]"
