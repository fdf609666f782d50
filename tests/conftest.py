"""What all tests have in common."""

import gc
import logging
import signal
import sys
import threading
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from backupd.cli.shown import hide_with
from backupd.telemetry import Redactor

# A busy machine is no failure; what a test may cost in all is bounded by pytest's own time-out.
_PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", _PATIENT, max_examples=25)  # at every change, within a minute for all tests
settings.register_profile("thorough", _PATIENT, max_examples=300)  # --hypothesis-profile=thorough: make test-system
settings.load_profile("quick")


def pytest_configure() -> None:
    """Let Ctrl-C reach the programs that tests run, also where the tests were started in the background, without it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Spare the garbage collector what lives to the end, modules and thousands of tests: that was a tenth of all."""
    gc.collect()
    gc.freeze()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say how long the tests that attack the program go on; without, as long as fits every change."""
    group = parser.getgroup("backupd")
    group.addoption("--kills", type=int, default=50, help="at so many random moments the program is killed")
    group.addoption("--crash-points", default="40", help="of each kind of work, so many steps, or `all`")
    group.addoption("--flips", default="100", help="in each part of the catalog, so many bits that turn over, or `all`")


@pytest.fixture(autouse=True)
def _log_as_it_was() -> Iterator[None]:
    """Take back what a test that runs the program in this process did to the log, and to what is hidden, of all."""
    root, ours = logging.getLogger(), logging.getLogger("backupd")
    handlers, levels = root.handlers[:], (root.level, ours.level)
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook, logging.raiseExceptions
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])
    sys.excepthook, threading.excepthook, sys.unraisablehook, logging.raiseExceptions = hooks
    logging.captureWarnings(capture=False)
    hide_with(Redactor())
