"""Killed at each step on the disk, and started again: the same archive, nothing half-done, nothing whole fetched twice.

First a run is watched; then a run is killed at each of its steps: every rename, fsync, truncate, unlink, write and
commit of the catalog. `--crash-points all` takes all steps, else a number of them is spread over the run. Of a write
that is hit, half is on the disk.
"""

import random
import signal
from pathlib import Path

import pytest

from tests.system.bays import WORKS, Bay, Work, at_each, bays, spread, undisturbed
from tests.system.gate import AtStep, Kill, Pass, Step

pytestmark = [pytest.mark.system, pytest.mark.crash, pytest.mark.timeout(3600)]


@pytest.fixture
def wanted(request) -> str:
    return str(request.config.getoption("--crash-points"))


@pytest.mark.parametrize("work", WORKS)
async def test_killed_at_each_step_the_next_run_ends_in_the_same_archive(tmp_path: Path, work: Work, wanted: str):
    async with bays(tmp_path, work) as places:
        expected, steps = await undisturbed(places[0])

        async def kill_at(bay: Bay, point: Step) -> str:
            site = await bay.begin()
            ended = await bay.run(site, lambda step: Kill() if step == point else Pass())
            assert ended.status in (-signal.SIGKILL, 0), ended.lines
            await bay.finish(site, expected)
            return "survived" if ended.status else "not reached"  # threads may share the work out in another way

        outcomes = await at_each(spread(steps, wanted), places, kill_at)

    print(f"{work}: {len(steps)} steps, {dict(outcomes)}")  # noqa: T201  (figures, with -s)
    assert outcomes["not reached"] <= outcomes["survived"] // 10


@pytest.mark.parametrize("work", WORKS)
async def test_killed_again_while_it_puts_things_in_order_the_third_run_does_all(
    tmp_path: Path, work: Work, wanted: str
):
    async with bays(tmp_path, work) as places:
        expected, steps = await undisturbed(places[0])

        async def kill_twice(bay: Bay, point: Step) -> str:
            site = await bay.begin()
            await bay.run(site, lambda step: Kill() if step == point else Pass())
            second = await bay.run(site, AtStep(random.Random(str(point)).randrange(1, 120)))
            await bay.finish(site, expected)
            return "survived" if second.status else "not reached"

        outcomes = await at_each(spread(steps, "all" if wanted == "all" else str(int(wanted) // 2)), places, kill_twice)

    print(f"{work}, killed twice: {dict(outcomes)}")  # noqa: T201  (as above)
    assert outcomes["survived"] > outcomes["not reached"]
