"""`--run-once` as cron runs it: an empty environment, no terminal, nobody there; what is said goes into a mail."""

import asyncio
import os
import re
import signal
import stat
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from backupd.simulator import FileSpec, Flip, RunSpec, Stall, Vendor, ago
from tests.system.site import Site, new_site, simulator_with

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]

PROGRAM = Path(sys.executable).with_name("backupd")
JOB = "4876876000001594004"


@dataclass
class Ended:
    status: int
    said: str  # both outputs, as cron mails them
    seconds: float

    @property
    def lines(self) -> list[str]:
        return self.said.splitlines()


class Cron:
    """Runs a command line as cron does."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.home = site.folder / "home"
        self.home.mkdir()
        self.replaced: dict[str, str] = {}  # in the settings

    def line(self, *arguments: str) -> str:
        text = self.site.config.read_text().replace('format = "json"', "")
        for old, new in self.replaced.items():
            assert old in text
            text = text.replace(old, new)
        (self.site.folder / "backupd.toml").write_text(text)
        return f"exec {PROGRAM} --config {self.site.folder / 'backupd.toml'} --run-once {' '.join(arguments)}"

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            "/bin/sh", "-c", self.line(*arguments),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.home), "SHELL": "/bin/sh", "LOGNAME": "backupd"},
            cwd=self.home, umask=0o022, start_new_session=True,
        )  # fmt: skip

    async def run(self, *arguments: str) -> Ended:
        started = time.monotonic()
        process = await self.start(*arguments)
        said, _ = await process.communicate()
        return Ended(process.returncode or 0, said.decode(), time.monotonic() - started)


@pytest.fixture
async def vendor():
    files = (FileSpec("data", "Data_001.zip", 60_000), FileSpec("data", "Datà_002.zip", 60_000))
    async with simulator_with(RunSpec(JOB, finished=ago(days=2), files=files)) as vendor:
        yield vendor


@pytest.fixture
def cron(tmp_path, vendor: Vendor) -> Cron:
    return Cron(new_site(vendor, tmp_path))


async def test_a_quiet_run_that_succeeds_says_nothing_so_that_cron_sends_no_mail(cron):
    assert await _said(cron, "--quiet") == (0, "")
    assert await _said(cron, "--quiet") == (0, "")  # nothing new

    assert len(list(cron.site.root.glob("main/*/*/manifest.json"))) == 1
    assert list(cron.home.iterdir()) == []


async def test_a_run_that_may_talk_tells_what_happened_in_plain_lines(cron):
    ended = await cron.run()

    assert ended.status == 0
    assert [line.split("]")[1].split()[0] for line in ended.lines] == [
        "cycle.started", "token.renewed", "job.found", "file.started", "file.started", "file.verified", "file.verified",
        "job.published", "cycle.finished",
    ]  # fmt: skip
    assert "Datà_002.zip" in ended.said  # without any locale
    assert "\x1b" not in ended.said


async def test_crons_umask_opens_nothing_of_the_archive(cron):
    await cron.run("--quiet")

    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in cron.site.root.rglob("*")}
    assert [str(path) for path, mode in modes.items() if mode & 0o007] == []
    assert modes[cron.site.root / ".state" / "main.token"] == 0o600


async def test_a_run_that_overlaps_another_ends_at_once_with_75_and_says_who_holds_the_lock(cron, vendor):
    vendor.fault(Stall(20_000), on="download", always=True)
    first = await cron.start("--quiet")
    note = cron.site.root / ".state" / "main.holder"
    async with asyncio.timeout(60):
        while not note.exists():  # noqa: ASYNC110  # another process makes it
            await asyncio.sleep(0.05)

    second = await cron.run("--quiet")
    start = await cron.run("--org", "nope")  # ends before it does anything

    os.killpg(first.pid, signal.SIGTERM)
    said, _ = await first.communicate()
    assert (first.returncode, said) == (130, b"")
    assert second.status == 75
    assert second.seconds < 3 + 3 * start.seconds  # it waits for nothing: it takes what its start takes
    (line,) = second.lines
    assert re.search(rf"another backupd \(cycle, process {first.pid}, since .*Z\) holds the lock", line)


@pytest.mark.parametrize(
    ("replaced", "status", "words"),
    [
        ({'"simulated"': '"hunter2-hunter2"'}, 77, "invalid_client_secret"),
        ({"[orgs.main]": "[orgs.main]\ncolour = 1"}, 78, "orgs.main.colour: is not a setting"),
        ({'root = "': 'root = "/nowhere'}, 78, "backupd.toml, table [archive]); create the folder"),
        ({'min_free = "0MB"': 'min_free = "9000TB"'}, 73, "are free, of which 9.0 PB stay free"),
        ({'accounts_url = "http://127.0.0.1': 'accounts_url = "http://127.0.0.1:9"#'}, 69, "Connection refused"),
    ],
)
async def test_a_failure_is_a_line_that_says_what_and_what_to_do_and_the_status(replaced, status, words, cron):
    cron.replaced = replaced

    ended = await cron.run("--quiet")

    assert ended.status == status
    (line,) = ended.lines
    assert words in line
    assert "hunter2" not in line
    assert "Traceback" not in line


async def test_a_zip_that_is_never_whole_is_1_and_one_line(cron, vendor):
    vendor.fault(Flip(30_000), file="Data_001.zip", always=True)

    ended = await cron.run("--quiet")

    assert ended.status == 1
    (line,) = ended.lines
    assert line.startswith(f"backupd: main: Data_001.zip of job {JOB} is no whole zip: ")
    assert "; it is fetched again by itself, from 20" in line


async def _said(cron: Cron, *arguments: str) -> tuple[int, str]:
    ended = await cron.run(*arguments)
    return ended.status, ended.said


# --- a real cron, of Debian ---------------------------------------------------------------------------------------

_MAILER = """#!/bin/sh
cat > "$(mktemp {folder}/mail.XXXXXX)"
"""
# In mounts of its own, so that nothing of this machine's cron is seen or touched; the mailer stands where cron looks.
_AROUND = """
mount --bind {folder}/crontabs /var/spool/cron/crontabs
mount --bind {folder}/empty /etc/cron.d
mount --bind {folder}/system.crontab /etc/crontab
mount -t tmpfs tmpfs /run
mount -t overlay overlay -o lowerdir={folder}/sbin:/usr/sbin /usr/sbin
exec env -i /usr/sbin/cron -f
"""


async def test_crons_own_daemon_mails_what_is_said_and_nothing_where_nothing_is(cron, tmp_path, vendor):
    """Two jobs in the same minute: one that succeeds in silence, one whose credentials are refused."""
    good, bad = cron, Cron(new_site(vendor, tmp_path / "bad"))
    bad.replaced = {'"simulated"': '"hunter2"'}
    for name in ("crontabs", "empty", "sbin", "mails"):
        (tmp_path / name).mkdir()
    (tmp_path / "system.crontab").touch()
    table = tmp_path / "crontabs" / "root"
    table.write_text(
        f"* * * * * ({good.line('--quiet')}); echo $? > {tmp_path}/good.status\n"
        f"* * * * * ({bad.line('--quiet')}); echo $? > {tmp_path}/bad.status\n"
    )
    table.chmod(0o600)
    mailer = tmp_path / "sbin" / "sendmail"
    mailer.write_text(_MAILER.format(folder=tmp_path / "mails"))
    mailer.chmod(0o755)

    daemon = await asyncio.create_subprocess_exec(
        "unshare", "--mount", "--propagation", "private", "sh", "-ec", _AROUND.format(folder=tmp_path),
    )  # fmt: skip
    try:
        async with asyncio.timeout(110):  # at most a minute until cron looks, and the run
            while not (mails := _mails(tmp_path)) or not all(
                (tmp_path / f"{name}.status").exists() for name in ("good", "bad")
            ):
                assert daemon.returncode is None
                await asyncio.sleep(0.5)
    finally:
        daemon.kill()
        await daemon.wait()

    assert (tmp_path / "good.status").read_text() == "0\n"
    assert (tmp_path / "bad.status").read_text() == "77\n"
    assert len(list(good.site.root.glob("main/*/*/manifest.json"))) == 1
    (mail,) = mails
    (line,) = mail.partition("\n\n")[2].splitlines()
    assert line.startswith(
        "backupd: main: POST /oauth/v2/token: the vendor refused a new access token: invalid_client_s"
    )


def _mails(folder: Path) -> list[str]:
    texts = [path.read_text() for path in (folder / "mails").iterdir()]
    return [text for text in texts if text.endswith("\n")]
