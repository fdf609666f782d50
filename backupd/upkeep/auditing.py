"""One snapshot read again and judged: takes the inventory, reads the zips, lets the rules of `core.audit` decide."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import assert_never

from backupd.archive.inventory import take_inventory
from backupd.core.audit import Finding, Inventory, Outcome, Reading, judge_file, judge_folder, judge_record, outcome_of
from backupd.core.errors import ArchiveError
from backupd.core.manifest import Manifest, ManifestFile
from backupd.core.model import FileId, JobId, Kind
from backupd.core.names import MANIFEST, path_in_snapshot
from backupd.core.records import ArchivedJob
from backupd.verify import Damaged, FileReading, Missing, Unreadable, Whole

FOLDER = FileId(Kind.DATA, MANIFEST)
"""Stands for the folder itself where only a part of all files is read."""

Read = Callable[[Path, str], Awaitable[FileReading]]
"""Reads a file again; error texts call it by the name given."""

_NEVER = datetime.max.replace(tzinfo=UTC)

Holds = Callable[[PurePosixPath, FileId], bool]
"""Tells whether a file of a snapshot is to be read."""


Recall = Callable[[str, JobId], Awaitable[ArchivedJob | None]]
"""Tells what journal and catalog know of an org's job."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What came of one snapshot."""

    path: PurePosixPath
    findings: tuple[Finding, ...]
    job: JobId | None = None  # None: its manifest could not be read
    revision: int = 0
    read: tuple[FileId, ...] = ()  # to their end
    damaged: tuple[FileId, ...] = ()  # their bytes are not as archived
    unreadable: tuple[FileId, ...] = ()  # what their bytes are could not be found out
    other: tuple[str, ...] | None = None  # what else failed, by name; None: not looked at
    files: int = 0  # that were to be read
    size: int = 0  # bytes of them

    @property
    def outcome(self) -> Outcome:
        """The one word for all findings."""
        return outcome_of(self.findings)

    @property
    def tells(self) -> bool:
        """Whether there is anything to write down."""
        if self.job is None:
            return bool(self.findings)
        return bool(self.read or self.damaged or self.unreadable or self.other is not None)


@dataclass(frozen=True, slots=True)
class Auditor:
    """Audits the snapshots below `root`, or the part of their files that `holds` tells."""

    root: Path
    read: Read
    holds: Holds
    recall: Recall | None = None  # None: the records are not compared
    since: datetime = _NEVER  # what changed from then on may not stand in the records yet

    async def audit(self, path: PurePosixPath) -> Audit:
        """Audit one snapshot; once more if it is not as its manifest says, and a cycle has changed it meanwhile."""
        audit, inventory = await self._audit(path)
        if audit.outcome is Outcome.OK or await self._inventory(path) == inventory:
            return audit
        return (await self._audit(path))[0]

    async def _audit(self, path: PurePosixPath) -> tuple[Audit, Inventory | ArchiveError]:
        inventory = await self._inventory(path)
        if isinstance(inventory, ArchiveError):
            finding = _without_folder(inventory)
            gone = (finding.name,) if finding.outcome is Outcome.FAILED else None
            return Audit(path, (finding,), other=gone), inventory
        look = self.holds(path, FOLDER)
        findings = [*judge_folder(inventory), *await self._judge_record(inventory)] if look else []
        other = {finding.name for finding in findings if finding.outcome is Outcome.FAILED}
        if not isinstance(inventory.record, Manifest):
            return Audit(path, tuple(findings), other=tuple(sorted(other)) if look else None), inventory
        chosen = [entry for entry in inventory.record.files if self.holds(path, entry.file)]
        found = {entry.file: await self._read(path, entry) for entry in chosen}
        damaged = _with(Outcome.FAILED, found)
        other -= {str(path_in_snapshot(file)) for file in damaged}
        findings += [finding for finding in found.values() if finding is not None and finding not in findings]
        return (
            Audit(
                path,
                tuple(findings),
                inventory.record.job,
                inventory.record.revision,
                read=tuple(f for f, finding in found.items() if not finding or finding.outcome is Outcome.FAILED),
                damaged=damaged,
                unreadable=_with(Outcome.INCONCLUSIVE, found),
                other=tuple(sorted(other)) if look else None,
                files=len(chosen),
                size=sum(entry.received.size for entry in chosen),
            ),
            inventory,
        )

    async def _judge_record(self, inventory: Inventory) -> list[Finding]:
        if self.recall is None or not isinstance(inventory.record, Manifest):
            return []
        recorded = await self.recall(inventory.path.parts[0], inventory.record.job)
        finding = judge_record(inventory, recorded, since=self.since)
        return [finding] if finding else []

    async def _read(self, path: PurePosixPath, entry: ManifestFile) -> Finding | None:
        name = path_in_snapshot(entry.file)
        found = await self.read(self.root / path / name, str(name))
        match found:
            case Whole():
                reading = Reading(found.size, found.sha256, found.checked)
            case Damaged():
                reading = Reading(found.size, found.sha256, None, str(found.why))
            case Missing():
                reading = Reading(missing=True)
            case Unreadable():
                reading = Reading(problem=str(found.why))
            case _:
                assert_never(found)
        return judge_file(entry, reading)

    async def _inventory(self, path: PurePosixPath) -> Inventory | ArchiveError:
        try:
            return await asyncio.to_thread(take_inventory, self.root, path)
        except ArchiveError as error:
            return error


def _with(outcome: Outcome, found: Mapping[FileId, Finding | None]) -> tuple[FileId, ...]:
    return tuple(file for file, finding in found.items() if finding and finding.outcome is outcome)


def _without_folder(error: ArchiveError) -> Finding:
    if isinstance(error.__cause__, FileNotFoundError):
        return Finding(Outcome.FAILED, ".", "the snapshot's folder is missing")
    return Finding(Outcome.INCONCLUSIVE, ".", str(error))
