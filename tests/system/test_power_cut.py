"""The power fails at a step: what was not synced is gone; what shows is whole, and the next run does the rest.

On an ext4 that gives nothing to the disk but what it is told to. `--crash-points all` cuts at every step, else at a
quarter as many as the program is killed at, and behind each rename into what the archive shows.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from backupd.download.record import boot_id
from tests.system.archived import half_done
from tests.system.bays import WORKS, Bay, Work, at_each, bays, spread, undisturbed
from tests.system.disks import Ext4
from tests.system.gate import Gate, Kill, Pass, Step, Verdict
from tests.system.site import Site

pytestmark = [pytest.mark.system, pytest.mark.crash, pytest.mark.timeout(3600)]


@pytest.mark.parametrize("work", WORKS)
async def test_after_a_power_cut_at_a_step_what_shows_is_whole_and_the_next_run_does_the_rest(
    tmp_path: Path, work: Work, request: pytest.FixtureRequest
):
    async with bays(tmp_path, work) as places:
        with disks_for(places) as disks:
            expected, steps = await undisturbed(places[0])

            async def cut_at(bay: Bay, point: Step) -> str:
                site, disk = await bay.begin(), disks[bay.folder]
                disk.sync()

                def decide(step: Step) -> Verdict:
                    if step != point:
                        return Pass()
                    disk.cut_power()
                    return Kill(torn=False)

                gate = Gate(site.root, decide)
                await bay.mother.run(*site.once, gate=gate)
                if gate.fell:
                    disk.unmount()
                    disk.mount()
                    boot_anew(site)
                assert half_done(site.root) == []
                await bay.finish(site, expected)
                return "survived" if gate.fell else "not reached"

            outcomes = await at_each(chosen(steps, request.config.getoption("--crash-points")), places, cut_at)

    print(f"{work}: {len(steps)} steps, {dict(outcomes)}")  # noqa: T201  (figures, with -s)
    assert outcomes["survived"] > outcomes["not reached"]


@contextmanager
def disks_for(places: Sequence[Bay]) -> Iterator[dict[Path, Ext4]]:
    """Give each bay a disk of its own."""
    with ExitStack() as stack:
        disks = {bay.folder: Ext4(bay.folder) for bay in places}
        for disk in disks.values():
            stack.callback(disk.clear)
        yield disks


def chosen(steps: list[Step], wanted: str) -> list[Step]:
    """Choose a few of all steps, and each that follows a rename into what the archive shows."""
    if wanted == "all":
        return steps
    behind = [after for step, after in pairwise(steps) if step.call == "rename" and shows(step.path)]
    return list(dict.fromkeys([*spread(steps, str(int(wanted) // 4)), *behind]))


def shows(path: str) -> bool:
    return not path.startswith((".", "catalog"))


def boot_anew(site: Site) -> None:
    """Let resume records be of an earlier boot, as they are after a real power cut."""
    for record in site.root.glob(".staging/*/*/parts/*/*.resume"):
        record.write_text(record.read_text().replace(boot_id(), "an earlier boot"))
