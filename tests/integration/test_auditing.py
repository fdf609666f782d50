"""A snapshot that grows while it is read is no damaged one."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from backupd.archive.inventory import take_inventory
from backupd.core.audit import Inventory, Outcome
from backupd.core.subset import Subset
from backupd.upkeep import auditing
from backupd.upkeep.auditing import Auditor
from backupd.verify import FileReading, ZipLimits, read_again
from tests.integration.operator import operated, run


@pytest.fixture
async def grown(tmp_path):
    """A snapshot to which a file was added, and what a look at it in the midst of that found."""
    async with operated(tmp_path, run("4001", offered=2)) as operator:
        await operator.run_once()
        path = PurePosixPath(operator.snapshots[0])
        before = take_inventory(operator.root, path)
        operator.vendor.offer("4001", None)
        await operator.run_once()
        between = replace(before, files=take_inventory(operator.root, path).files)
        yield operator.root, path, between


async def test_what_was_added_while_it_was_read_is_read_once_more(grown, monkeypatch):
    root, path, between = grown
    first: Iterator[Inventory] = iter([between])
    monkeypatch.setattr(auditing, "take_inventory", lambda *where: next(first, None) or take_inventory(*where))

    audit = await _auditor(root).audit(path)

    assert (audit.outcome, audit.files) == (Outcome.OK, 3)


async def test_what_does_not_belong_stays_a_finding(grown):
    root, path, _ = grown
    (root / path / "stray").touch(0o440)

    audit = await _auditor(root).audit(path)

    assert [finding.name for finding in audit.findings] == ["stray"]


def _auditor(root: Path) -> Auditor:
    async def read(path: Path, name: str) -> FileReading:
        return await read_again(path, ZipLimits(), name=name)

    return Auditor(root, read, Subset().holds)
