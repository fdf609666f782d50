"""Who is told of real cycles: the program as it is run, a simulated vendor, a watcher, a webhook and a mail server."""

import asyncio
import json
import os
import signal
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from backupd.simulator import FileSpec, Flip, OrgSpec, RunSpec, Scenario, ScheduleSpec, Simulator, Vendor, ago
from tests.fakes.catcher import Catcher, Postbox, http_catcher, postbox

pytestmark = pytest.mark.system

PATIENCE = 60  # seconds


@dataclass
class Site:
    """Everything that the program meets."""

    config: Path
    vendor: Vendor
    watcher: Catcher
    hook: Catcher
    box: Postbox

    async def program(self, *arguments: str, **more: str) -> asyncio.subprocess.Process:
        """Start the program, with more in its environment."""
        ours = {"PYTHONPATH": str(Path(__file__).parents[2]), "BACKUPD_CONFIG": str(self.config)}
        environment = os.environ | ours | more
        command = (sys.executable, "-m", "backupd", *arguments)
        return await asyncio.create_subprocess_exec(*command, env=environment, stderr=asyncio.subprocess.PIPE)

    async def run_once(self, log: str = "console") -> tuple[int, str]:
        """Run one cycle; return the status and what was said."""
        program = await self.program("--run-once", BACKUPD_LOG__FORMAT=log)
        _, said = await asyncio.wait_for(program.communicate(), PATIENCE)
        return program.returncode or 0, said.decode()


@pytest.fixture
def site(tmp_path):
    """Run all servers, and write settings that lead to them."""
    (tmp_path / "archive").mkdir()

    @asynccontextmanager
    async def opened():
        files = (FileSpec("data", "Data_001.zip", 60_000),)
        org = OrgSpec(schedule=ScheduleSpec(), runs=(RunSpec("4001", finished=ago(days=2), files=files),))
        async with (
            Simulator(Scenario((org,))) as vendor,
            http_catcher() as watcher,
            http_catcher() as hook,
            postbox() as box,
        ):
            config = tmp_path / "backupd.toml"
            mail = f"mailto://127.0.0.1:{box.port}?from=backupd@example.org&to=ops@example.org&mode=insecure"
            config.write_text(
                f"""
                archive = {{root = "{tmp_path}/archive", min_free = "0MB"}}
                web.listen = ""
                poll.every = "1h"
                [notify]
                urls = ["{hook.url.replace("http", "json", 1)}", "{mail}"]
                success = true
                [orgs.main]
                client_id = "1000.SIMULATED"
                client_secret = "simulated"
                refresh_token = "1000.simulated"
                accounts_url = "{vendor.url}"
                api_domain = "{vendor.url}"
                download_hosts = ["{vendor.url.partition("//")[2]}"]
                heartbeat = "{watcher.url}/ping"
                """
            )
            yield Site(config, vendor, watcher, hook, box)

    return opened


async def test_a_good_run_beats_success_and_tells_of_the_backup_everywhere(site):
    async with site() as there:
        status, _ = await there.run_once()

    assert status == 0
    assert there.watcher.paths == ["/ping/start", "/ping"]
    log = there.watcher.caught[1][1]
    assert log.startswith("exit status 0 (archived): 1 file of 1 job")
    assert "\njournal head " in log
    assert "simulated" not in log
    (told,) = [json.loads(body) for _, body in there.hook.caught]
    assert told["title"] == "backupd main: a backup was archived"
    assert [mail["Subject"] for mail in there.box.mails] == ["backupd main: a backup was archived"]


async def test_a_failed_run_beats_fail_and_tells_what_is_wrong(site):
    async with site() as there:
        there.vendor.fault(Flip(30_000), always=True)
        status, _ = await there.run_once()

    assert status == 1
    assert there.watcher.paths == ["/ping/start", "/ping/fail"]
    log = there.watcher.caught[1][1]
    assert log.startswith("exit status 1 (")
    assert "file.rejected job_id=4001" in log
    (told,) = [json.loads(body) for _, body in there.hook.caught]
    assert told["title"].startswith("backupd main: a zip is not whole")


@pytest.mark.parametrize(
    ("replaced", "reason"),
    [
        ({'root = "': 'root = "/nowhere'}, "the archive's root is missing"),
        ({"poll.every": "poll.ever"}, "poll.ever: is not a setting"),
        ({"success = true": 'success = "perhaps"'}, "notify.success: is neither true nor false"),
        ({'refresh_token = "1000.simulated"': ""}, "orgs.main.refresh_token: is missing"),
    ],
    ids=["root", "unknown", "wrong", "credentials"],
)
async def test_a_run_that_cannot_start_is_told_everywhere(replaced, reason, site):
    async with site() as there:
        text = there.config.read_text()
        for old, new in replaced.items():
            assert old in text
            text = text.replace(old, new)
        metrics = there.config.with_name("backupd.prom")
        metrics.write_text("backupd_last_run_exit_status 0.0\n")
        there.config.write_text(f'metrics.textfile = "{metrics}"\n{text}')
        status, said = await there.run_once()
        _, logged = await there.run_once("json")

    assert status == 78
    assert said.startswith("backupd: ")
    assert reason in said
    assert there.watcher.paths == ["/ping/fail"] * 2
    assert there.watcher.caught[0][1].startswith("exit status 78 (")
    assert reason in there.watcher.caught[0][1]
    told = json.loads(there.hook.caught[0][1])
    assert told["title"] == "backupd: it could not run: see what to do"
    assert reason[1:] in told["message"]
    assert "\nbackupd_last_run_exit_status 78.0" in metrics.read_text()
    (line,) = logged.splitlines()
    assert json.loads(line)["event"] == "service.failed"
    assert reason in json.loads(line)["reason"]


async def test_a_daemon_that_cannot_start_is_told_to_the_watcher_only(site):
    """What starts it again and again must not make a flood of it."""
    async with site() as there:
        there.config.write_text(there.config.read_text().replace('root = "', 'root = "/nowhere'))
        program = await there.program()
        await asyncio.wait_for(program.communicate(), PATIENCE)

    assert program.returncode == 78
    assert there.watcher.paths == ["/ping/fail"]
    assert there.hook.caught == []


async def test_a_mistake_on_the_command_line_concerns_nobody_else(site):
    async with site() as there:
        program = await there.program("--run-once", "--org", "nope")
        await asyncio.wait_for(program.communicate(), PATIENCE)

    assert program.returncode == 2
    assert there.watcher.caught == there.hook.caught == []


async def test_listeners_that_fail_change_nothing_and_are_told_of(site):
    async with site() as there:
        there.watcher.answers[:] = [500] * 20
        there.hook.answers[:] = [500] * 20
        there.box.refuses = True
        status, said = await there.run_once()

    assert status == 0
    assert "notify.failed" in said
    assert "channel=heartbeat org=main" in said
    assert "notify.urls, entry 1 (json): the message was not taken" in said
    assert there.hook.url.removeprefix("http://") not in said
    assert "/ping" not in said


async def test_the_daemon_beats_and_tells_and_ends_in_seconds(site):
    async with site() as there:
        program = await there.program("--quiet")
        await there.watcher.until(2, within=PATIENCE)
        await there.hook.until(1, within=PATIENCE)
        program.send_signal(signal.SIGTERM)
        async with asyncio.timeout(15):
            _, said = await program.communicate()

    assert program.returncode == 0, said.decode()
    assert there.watcher.paths == ["/ping/start", "/ping"]
    assert json.loads(there.hook.caught[0][1])["title"] == "backupd main: a backup was archived"
