"""The disk refuses at each step: a clear error and 73, whatever was whole is kept, and the next run completes the work.

Three kinds of disk: one that fails once (EIO), one that is full from some step on (ENOSPC), one that becomes read-only
(EROFS). `--crash-points all` lets each begin at every step it can, else a number of steps is spread over the run.
"""

import errno
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.system.bays import WORKS, Bay, Work, at_each, bays, spread, undisturbed
from tests.system.gate import Fail, Pass, Step, Verdict
from tests.system.process import Ended

pytestmark = [pytest.mark.system, pytest.mark.crash, pytest.mark.timeout(3600)]

GROWING = {"write", "pwrite64", "openat", "mkdir", "mkdirat"}  # calls that need room
TRYING = {".staging", ".trash", ".state", ".state/writable.new", ".state/writable"}  # while the root is being looked at
ERRORS = (errno.EIO, errno.ENOSPC, errno.EROFS)
OF_SQLITE = ("disk I/O error", "unable to open database file", "database or disk is full", "readonly database")


@dataclass(slots=True)
class Disk:
    """Refuses with one error: at one step, or from that step on whatever it is that it cannot do."""

    error: int
    begins: Step
    refuses: bool = False

    def __call__(self, step: Step) -> Verdict:
        if step == self.begins:
            self.refuses = True
            return Fail(self.error)
        lasting = self.refuses and (self.error == errno.EROFS or (self.error == errno.ENOSPC and step.call in GROWING))
        return Fail(self.error) if lasting else Pass()


@pytest.mark.parametrize("error", ERRORS, ids=lambda number: errno.errorcode[number])
@pytest.mark.parametrize("work", WORKS)
async def test_a_disk_that_refuses_is_told_and_the_next_run_completes_the_work(
    tmp_path: Path, work: Work, error: int, request: pytest.FixtureRequest
):
    async with bays(tmp_path, work) as places:
        expected, steps = await undisturbed(places[0])
        points = [step for step in steps if error != errno.ENOSPC or step.call in GROWING]

        async def refuse_at(bay: Bay, point: Step) -> str:
            site = await bay.begin()
            disk = Disk(error, point)
            ended = await bay.run(site, disk)
            assert_told(ended, disk)
            await bay.finish(site, expected)
            return str(ended.status) if disk.refuses else "not reached"

        outcomes = await at_each(spread(points, request.config.getoption("--crash-points")), places, refuse_at)

    print(f"{work}, {os.strerror(error)}: {len(points)} steps, {dict(outcomes)}")  # noqa: T201  (figures, with -s)
    assert outcomes["73"] > 0


def assert_told(ended: Ended, disk: Disk) -> None:
    """See that the run failed as it should, and said so; or that it did all it had to do."""
    allowed = {0, 73} | ({78} if disk.begins.path in TRYING else set())
    assert ended.status in allowed, ended.lines
    assert not [line for line in ended.lines if '"fault"' in line or "unexpected" in line or "Traceback" in line]
    if ended.status != 0:
        words = (os.strerror(disk.error), *OF_SQLITE)
        assert [line for line in ended.lines if any(word in line for word in words)], ended.lines
