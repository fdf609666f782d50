"""What it costs to start: CPU seconds of whole processes, the best of several, which others disturb least."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from subprocess import DEVNULL, PIPE

import pytest

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]

PROGRAM = (sys.executable, "-m", "backupd")
LIBRARIES = "import aiohttp, cyclopts, pydantic_settings, structlog"
REFERENCE = 0.76  # CPU seconds that these take on the machine for which the limits were set
ROUNDS = 3
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}


def cpu(*command: str | Path) -> float:
    """Return the CPU seconds of a command, the best of several runs."""
    return min(_once(command) for _ in range(ROUNDS))


def _once(command: Sequence[str | Path]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True, timeout=120)  # noqa: S603  # our program
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.fixture(scope="module")
def machine() -> float:
    """How many times slower than the reference this machine is now."""
    return cpu(sys.executable, "-c", LIBRARIES) / REFERENCE


@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_saying_what_it_is_costs_next_to_nothing(argument):
    spent = cpu(*PROGRAM, argument)

    print(f"{argument}: {spent:.3f} s")  # noqa: T201  # a bench is for its figures
    assert spent < 0.3


@pytest.fixture
def config(tmp_path) -> Iterator[Path]:
    """Settings that lead to a simulated vendor, all of whose backups are archived."""
    command = [*PROGRAM, "simulate", "--port", "0"]
    with subprocess.Popen(command, cwd=tmp_path, env=ENVIRONMENT, stdout=PIPE, stderr=DEVNULL, text=True) as vendor:  # noqa: S603  # our program
        assert vendor.stdout is not None
        try:
            text = "".join(takewhile(lambda line: not line.startswith("and,"), vendor.stdout))
            config = tmp_path / "backupd.toml"
            config.write_text(text[text.index("[archive]") :])
            (tmp_path / "backupd-trial").mkdir()
            _once([*PROGRAM, "--config", config, "--quiet", "--run-once"])
            yield config
        finally:
            vendor.terminate()


def test_finding_nothing_new_costs_less_than_a_second(machine, config):
    quiet = cpu(*PROGRAM, "--config", config, "--quiet", "--run-once")
    loud = cpu(*PROGRAM, "--config", config, "--run-once")

    print(f"--run-once: {loud:.2f} s, --quiet {quiet:.2f} s; this machine is {machine:.2f} times slower")  # noqa: T201
    print(f"on the reference: {loud / machine:.2f} s, --quiet {quiet / machine:.2f} s")  # noqa: T201
    assert loud / machine < 1.0
