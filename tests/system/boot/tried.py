"""What is tried inside the machine, in this order; as a program inside it, tries it and writes down how it went."""

import importlib
import json
import sys
from pathlib import Path

import pytest

MODULES = ("starting", "sandbox", "working", "failing", "once")
_HERE = Path(__file__).parent
_EACH = 120  # seconds for one trial
_WITHOUT = ("randomly", "cacheprovider", "hypothesispytest", "xdist")  # of pytest's plugins: they write, or shuffle
_OPTIONS = (
    "-o",
    "addopts=",
    "-v",
    "--durations=12",
    "--tb=short",
    f"--timeout={_EACH}",
    *(f"-pno:{name}" for name in _WITHOUT),
)


def trials() -> list[str]:
    """Name everything that is tried, as `module::test`."""
    return [
        f"{module}::{name}"
        for module in MODULES
        for name in vars(importlib.import_module(f"tests.system.boot.{module}"))
        if name.startswith("test_")
    ]


class Recorder:
    """Writes down how each trial went."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._told: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take note of one phase of a trial; one that failed counts."""
        file, _, name = report.nodeid.partition("::")
        key = f"{Path(file).stem}::{name}"
        if report.failed:
            self._told[key] = f"{report.when}: {report.longreprtext}"
        elif report.passed and report.when == "call":
            self._told.setdefault(key, "passed")
        self._path.write_text(json.dumps(self._told), encoding="utf-8")


if __name__ == "__main__":
    files = [str(_HERE / f"{module}.py") for module in MODULES]
    sys.exit(pytest.main([*_OPTIONS, *files], plugins=[Recorder(Path(sys.argv[1]))]))
