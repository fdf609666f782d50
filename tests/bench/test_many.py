"""What 100,000 snapshots cost: CPU seconds of whole processes beyond their start, and the same cycle with ten."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.bench.archive import Place
from tests.bench.many import COMMANDS, fill, measure, vendor
from tests.bench.test_startup import LIBRARIES, REFERENCE, cpu

pytestmark = [pytest.mark.bench, pytest.mark.timeout(1800)]

LIMITS = {  # CPU seconds of the reference machine; where each row is shown, its seal is checked
    "status": 1,
    "a cycle with nothing new": 1,
    "list": 2.5,
    "list --json": 2.5,
    "prune --dry-run": 2.5,
    "prune --dry-run --json": 2.5,
}


def spent(folder: Path, count: int) -> dict[str, float]:
    """Return the CPU seconds of each command, the best of three."""
    place = Place(folder)
    with vendor(place):
        asyncio.run(fill(place, count))
        return {name: min(run.cpu for run in runs) for name, runs in measure(place, 3).items()}


def test_with_100_000_snapshots_a_status_costs_hardly_more_a_cycle_nothing_and_a_list_seconds(tmp_path):
    few, many = spent(tmp_path / "few", 10), spent(tmp_path / "many", 100_000)
    machine = cpu(sys.executable, "-c", LIBRARIES) / REFERENCE

    beyond = {name: (many[name] - many["start, archive opened"]) / machine for name in COMMANDS}
    print(f"CPU seconds beyond the start: {beyond}; a cycle with ten: {few['a cycle with nothing new']:.2f}")  # noqa: T201
    assert {name: beyond[name] for name, limit in LIMITS.items() if beyond[name] >= limit} == {}
    assert many["a cycle with nothing new"] < 1.25 * few["a cycle with nothing new"]
