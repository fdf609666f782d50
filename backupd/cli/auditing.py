"""One snapshot read again and judged: takes the inventory, reads the zips, lets the rules of `core.audit` decide."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import assert_never

from backupd.archive.inventory import take_inventory
from backupd.core.audit import Finding, Outcome, Reading, judge_file, judge_folder, outcome_of
from backupd.core.errors import ArchiveError
from backupd.core.manifest import Manifest, ManifestFile
from backupd.core.model import FileId, Kind
from backupd.core.names import MANIFEST, path_in_snapshot
from backupd.core.subset import Subset
from backupd.verify import Damaged, Missing, Unreadable, Whole, ZipLimits, read_again

_FOLDER = FileId(Kind.DATA, MANIFEST)  # stands for the folder itself where only a part of all files is read
_WORKERS = len(os.sched_getaffinity(0))


@dataclass(frozen=True, slots=True)
class Audit:
    """What came of one snapshot."""

    path: PurePosixPath
    findings: tuple[Finding, ...]
    files: int  # read again
    size: int  # bytes of them

    @property
    def outcome(self) -> Outcome:
        """The one word for all findings."""
        return outcome_of(self.findings)


@dataclass(frozen=True, slots=True)
class Auditor:
    """Audits the snapshots below `root`, or the part of their files that `subset` holds."""

    root: Path
    limits: ZipLimits
    subset: Subset
    progress: Callable[[int], None]  # told how many more bytes were read, from any thread

    async def audit(self, path: PurePosixPath) -> Audit:
        """Audit one snapshot; once more if it is not as its manifest says, and a cycle has replaced that meanwhile."""
        audit, manifest_sha256 = await self._audit(path)
        if audit.outcome is Outcome.OK or await self._digest(path) == manifest_sha256:
            return audit
        return (await self._audit(path))[0]

    async def _audit(self, path: PurePosixPath) -> tuple[Audit, str]:
        try:
            inventory = await asyncio.to_thread(take_inventory, self.root, path)
        except ArchiveError as error:
            return Audit(path, (_without_folder(error),), 0, 0), ""
        findings = list(judge_folder(inventory)) if self.subset.holds(path, _FOLDER) else []
        entries = inventory.record.files if isinstance(inventory.record, Manifest) else ()
        chosen = [entry for entry in entries if self.subset.holds(path, entry.file)]
        for entry in chosen:
            finding = await self._read(path, entry)
            if finding is not None and finding not in findings:
                findings.append(finding)
        size = sum(entry.received.size for entry in chosen)
        return Audit(path, tuple(findings), len(chosen), size), inventory.manifest_sha256

    async def _read(self, path: PurePosixPath, entry: ManifestFile) -> Finding | None:
        name = path_in_snapshot(entry.file)
        found = await read_again(
            self.root / path / name, self.limits, name=str(name), workers=_WORKERS, progress=self.progress
        )
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

    async def _digest(self, path: PurePosixPath) -> str:
        try:
            return (await asyncio.to_thread(take_inventory, self.root, path)).manifest_sha256
        except ArchiveError:
            return ""


def _without_folder(error: ArchiveError) -> Finding:
    if isinstance(error.__cause__, FileNotFoundError):
        return Finding(Outcome.FAILED, ".", "the snapshot's folder is missing")
    return Finding(Outcome.INCONCLUSIVE, ".", str(error))
