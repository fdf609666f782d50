"""What it costs to start: CPU seconds of whole processes, the best of several, which others disturb least."""

import os
import re
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from backupd.core.figures import counted

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]

PROGRAM = (sys.executable, "-m", "backupd")
LIBRARIES = "import aiohttp, cyclopts, pydantic_settings, structlog"
REFERENCE = 0.76  # CPU seconds that these take on the machine for which the limits were set
ROUNDS = 3


def cpu(*command: str | Path) -> float:
    """Return the CPU seconds of a command, the best of several runs."""
    return min(_once(command) for _ in range(ROUNDS))


def _once(command: Sequence[str | Path]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=120)  # noqa: S603  # our program
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


def test_finding_nothing_new_costs_less_than_a_second(machine, tmp_path):
    archive = tmp_path / "archive"
    archive.mkdir()
    with subprocess.Popen(  # noqa: S603  # our program
        [*PROGRAM, "simulate", "--port", "0"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as vendor:
        assert vendor.stdout is not None
        try:
            text = "".join(iter(vendor.stdout.readline, "and, in another terminal:\n"))
            config = tmp_path / "backupd.toml"
            config.write_text(re.sub(r"root = .*", f'root = "{archive}"', text[text.index("[archive]") :]))
            subprocess.run([*PROGRAM, "--config", config, "--quiet", "--run-once"], check=True, timeout=120)  # noqa: S603  # as above
            quiet = cpu(*PROGRAM, "--config", config, "--quiet", "--run-once")
            loud = cpu(*PROGRAM, "--config", config, "--run-once")
        finally:
            vendor.terminate()

    runs = counted(ROUNDS, "run")
    print(f"--run-once: {loud:.2f} s, --quiet {quiet:.2f} s, the best of {runs}; machine {machine:.2f}")  # noqa: T201
    print(f"on the reference: {loud / machine:.2f} s, --quiet {quiet / machine:.2f} s")  # noqa: T201
    assert loud / machine < 1.0
