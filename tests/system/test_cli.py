"""The program as its users run it: processes, their two outputs, their exit statuses, a terminal."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import pytest

from tests.system.terminal import run_on_a_terminal

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

PROGRAM = (sys.executable, "-m", "backupd")


@dataclass
class Ran:
    status: int
    out: str
    err: str


@dataclass
class User:
    """Someone with a settings file and an archive."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "backupd.toml"

    def run(self, *arguments: str | Path, **environment: str) -> Ran:
        done = subprocess.run(
            [*PROGRAM, *arguments],
            cwd=self.folder,
            env=_environment() | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def do(self, *arguments: str | Path) -> Ran:
        return self.run("--config", self.config, *arguments)


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BACKUPD_")}
    return kept | {"PYTHONPATH": str(Path(__file__).parents[2]), "NO_PROXY": "127.0.0.1"}


@pytest.fixture(scope="module")
def vendor(tmp_path_factory) -> Iterator[str]:
    """A simulator in a process of its own; the settings that it recommends."""
    folder = tmp_path_factory.mktemp("vendor")
    with subprocess.Popen(
        [*PROGRAM, "simulate", "--port", "0"],
        cwd=folder,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            text = "".join(takewhile(lambda line: not line.startswith("and,"), process.stdout))
            yield text[text.index("[archive]") :]
        finally:
            process.terminate()
        assert process.wait(20) == 0


@pytest.fixture
def user(tmp_path, vendor) -> User:
    archive = tmp_path / "archive"
    archive.mkdir()
    (tmp_path / "backupd.toml").write_text(re.sub(r"root = .*", f'root = "{archive}"', vendor))
    return User(tmp_path)


@pytest.fixture
def stranger(tmp_path) -> User:
    """Someone with nothing."""
    return User(tmp_path)


def test_a_run_archives_and_a_second_one_finds_nothing_new(user):
    first = user.do("--run-once")
    assert (first.status, first.out) == (0, "")
    assert "job.published" in first.err

    second = user.do("--run-once", "--org", "main")
    assert (second.status, second.out) == (0, "")
    assert "result=nothing_new" in second.err

    assert user.do("--quiet", "--run-once") == Ran(0, "", "")
    assert user.do("verify", "--all").status == 0
    assert [row["state"] for row in json.loads(user.do("list", "--json").out)["snapshots"]] == ["ok"]


def test_the_catalog_is_made_anew(user):
    user.do("--run-once")
    (user.folder / "archive" / "catalog.sqlite").write_bytes(b"damaged")

    ran = user.do("rebuild-catalog")

    assert ran.status == 0
    assert ran.out.startswith("The catalog holds 1 snapshot now")
    assert "4876876000001594004" in user.do("list").out


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("--version",), 0),
        (("--help",), 0),
        (("list", "--help"), 0),
        (("statsu",), 2),
        (("--run-once", "--jobs", "3"), 2),
        (("simulate", "--port", "-1"), 2),
        (("list",), 78),
        (("--run-once",), 78),
        (("check",), 78),
    ],
)
def test_answers_go_to_stdout_and_failures_in_one_line_to_stderr(arguments, status, stranger):
    (stranger.folder / "backupd.toml").write_text("")

    ran = stranger.run(*arguments, BACKUPD_CONFIG=str(stranger.config))

    assert ran.status == status
    if status == 0 or arguments == ("check",):
        assert ran.err == ""
        assert ran.out
    else:
        assert ran.out == ""
        assert re.fullmatch(r"backupd: .+\n", ran.err)


def test_an_unknown_org_is_a_usage_error_that_names_the_known_ones(user):
    ran = user.do("--run-once", "--org", "mian")

    assert ran.status == 2
    assert "main" in ran.err


def test_wrong_credentials_are_77_and_show_no_secret(user):
    user.config.write_text(user.config.read_text().replace('"simulated"', '"hunter2-hunter2"'))

    ran = user.do("--run-once")

    assert ran.status == 77
    assert "hunter2" not in ran.out + ran.err


def test_a_vendor_that_is_not_there_is_69(user):
    user.config.write_text(re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:9", user.config.read_text()))

    assert user.do("--quiet", "check").status == 69


def test_another_backupd_at_work_is_75(user):
    user.do("--run-once")
    script = (
        "import sys, time; from filelock import FileLock; lock = FileLock(sys.argv[1]); lock.acquire(); "
        "print('held', flush=True); time.sleep(60)"
    )
    lock = user.folder / "archive" / ".state" / "main.lock"
    with subprocess.Popen([sys.executable, "-c", script, lock], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        ran = user.do("--run-once")
        holder.kill()

    assert ran.status == 75
    assert "another backupd holds the lock" in ran.err


def test_a_reader_that_goes_away_ends_a_list_quietly(user):
    user.do("--run-once")

    shell = f"{' '.join(PROGRAM)} --config {user.config} show latest | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", shell], env=_environment(), capture_output=True, text=True, check=False)

    assert done.returncode in (0, 128 + signal.SIGPIPE)  # 0: it was faster than the reader's end
    assert done.stderr == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_interrupted_says_nothing_and_ends_with_130(number, user):
    """The token endpoint accepts connections and answers nothing, so that the run is caught waiting."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        user.config.write_text(re.sub(r"127\.0\.0\.1:\d+", address, user.config.read_text()))
        with (
            subprocess.Popen(
                [*PROGRAM, "--config", user.config, "--quiet", "--run-once"], env=_environment(), stderr=subprocess.PIPE
            ) as process,
            silent.accept()[0],
        ):
            process.send_signal(number)
            _, err = process.communicate(timeout=20)

    assert process.returncode == 130
    assert err == b""


def test_the_daemon_archives_at_once_and_ends_with_0_by_sigterm(user):
    with subprocess.Popen(
        [*PROGRAM, "--config", user.config], env=_environment(), stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        seen = ""
        while "cycle.finished" not in seen:
            line = process.stderr.readline()
            assert line, seen
            seen += line
        state = user.folder / "archive" / ".state" / "service.json"
        _wait_for(state.exists)
        status = json.loads(user.do("status", "--json").out)
        process.terminate()
        rest = process.stderr.read()
        assert process.wait(20) == 0

    assert status["service"] == {"pid": process.pid}
    assert status["orgs"][0]["next_poll_at"] is not None
    assert "service.stopping" in rest
    assert not state.exists()


def test_the_demo_shows_the_whole_job(stranger):
    ran = stranger.run("demo", "--keep", "trial")

    assert ran.status == 0, ran.out + ran.err
    assert ran.err == ""
    assert "the connection broke; trying again" in ran.out
    assert re.search(r"Attachments_001\.zip +goes on from 1\.5 MB", ran.out)
    assert re.search(r"Attachments_001\.zip .* requests, 1\.5 MB resumed", ran.out)
    assert "ok     hashlib over SHA256SUMS" in ran.out
    assert "FAILED" not in ran.out
    assert "2 calls, 0 downloads, exit status 0" in ran.out
    assert max(map(len, ran.out.splitlines())) <= 80 or str(stranger.folder) in ran.out
    config = stranger.folder / "trial" / "backupd.toml"
    assert stranger.run("--config", config, "verify", "--all").status == 0
    assert stranger.run("demo", "--keep", "trial").status == 2


def test_the_demo_leaves_nothing_behind(stranger):
    before = set(stranger.folder.iterdir())

    ran = stranger.run("demo", TMPDIR=str(stranger.folder))

    assert ran.status == 0
    assert set(stranger.folder.iterdir()) == before


def test_on_a_terminal_bars_move_and_tables_have_colours(user):
    text, status = _on_a_terminal([*PROGRAM, "--config", str(user.config), "--run-once"])
    assert status == 0
    assert "━" in text
    assert "Data_001.zip" in text

    text, status = _on_a_terminal([*PROGRAM, "--config", str(user.config), "status"])
    assert status == 0
    assert "\x1b[32mprotected" in text


def _on_a_terminal(command: list[str]) -> tuple[str, int]:
    return run_on_a_terminal(command, _environment())


def _wait_for(condition: Callable[[], object], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
