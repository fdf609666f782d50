"""Is a snapshot intact and complete? Judged from what is in its folder and from what reading its files again found.

Outcomes: `ok`, `failed` (not what was archived), `inconclusive` (it could not be found out). Reads nothing itself.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import PurePosixPath

from backupd.core.errors import RecordDamaged
from backupd.core.manifest import Manifest, ManifestFile
from backupd.core.model import Checked
from backupd.core.names import CHECKSUMS, MANIFEST, path_in_snapshot
from backupd.core.records import ArchivedJob

_UNSAFE_MODE = 0o227  # who published a file writes to it no more, and others than its group have no business there
_UNSAFE_FOLDER_MODE = 0o027  # who may write to a folder may put another file in a file's place


class Outcome(StrEnum):
    """What an audit came to."""

    OK = "ok"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class FoundFile:
    """What is there under a name in a snapshot's folder."""

    size: int
    mode: int  # permission bits
    regular: bool  # False: a link, a device, a socket


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything in a snapshot's folder, without the content of its zips."""

    path: PurePosixPath  # of the snapshot, relative to the archive root
    record: Manifest | RecordDamaged
    manifest_sha256: str  # of the bytes that are there; empty if none could be read
    sums: Mapping[str, str] | None  # SHA256SUMS: sha256 by name; None if there is none that can be read
    files: Mapping[str, FoundFile]  # by name relative to the snapshot
    folders: Mapping[str, int] = field(default_factory=dict)  # permission bits by name; `.` is the snapshot's own


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading a file again found; without a digest it could not be read to its end."""

    size: int = 0
    sha256: str = ""
    checked: Checked | None = None  # None: the zip is not whole, as `problem` says
    problem: str = ""
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be, or could not be found out."""

    outcome: Outcome
    name: str  # of the file, relative to the snapshot
    problem: str


def outcome_of(findings: tuple[Finding, ...]) -> Outcome:
    """Give the one outcome that stands for several findings; none at all is a good one."""
    outcomes = {finding.outcome for finding in findings}
    return next((outcome for outcome in (Outcome.FAILED, Outcome.INCONCLUSIVE) if outcome in outcomes), Outcome.OK)


def judge_folder(inventory: Inventory) -> Iterator[Finding]:
    """Judge what can be seen without reading a zip: all is there, nothing else is, and the records agree."""
    record = inventory.record
    if isinstance(record, RecordDamaged):
        yield Finding(Outcome.FAILED, MANIFEST, str(record))
        return
    entries = {str(path_in_snapshot(entry.file)): entry for entry in record.files}
    expected = {*entries, MANIFEST, CHECKSUMS}
    for name in sorted(expected - inventory.files.keys()):
        yield Finding(Outcome.FAILED, name, "is missing")
    for name in sorted(inventory.files.keys() - expected):
        yield Finding(Outcome.FAILED, name, "does not belong to the snapshot")
    for name in sorted(expected & inventory.files.keys()):
        yield from _judge_found(name, inventory.files[name], entries.get(name))
    yield from _judge_folders(inventory.folders, {".", *(str(entry.file.kind) for entry in record.files)})
    yield from _judge_sums(inventory, {name: entry.received.sha256 for name, entry in entries.items()})


def judge_file(entry: ManifestFile, reading: Reading) -> Finding | None:
    """Judge one file by its bytes. None: they are the ones that were archived, and their zip is whole."""
    name, archived = str(path_in_snapshot(entry.file)), entry.received
    if reading.missing:
        return Finding(Outcome.FAILED, name, "is missing")
    if not reading.sha256:
        return Finding(Outcome.INCONCLUSIVE, name, f"could not be read: {reading.problem}")
    if reading.sha256 != archived.sha256 or reading.size != archived.size:
        why = f" ({reading.problem})" if reading.problem else ""
        return Finding(Outcome.FAILED, name, f"its bytes are not the ones that were archived{why}")
    if reading.checked is None:
        return Finding(Outcome.FAILED, name, f"its bytes are as archived, but its zip is not whole: {reading.problem}")
    if reading.checked != archived.checked:
        return Finding(Outcome.FAILED, name, "its zip holds other members than the manifest says")
    return None


def judge_record(inventory: Inventory, recorded: ArchivedJob | None, *, since: datetime) -> Finding | None:
    """Judge the manifest by what journal and catalog remember of it; None: they agree.

    What changed `since` the records were opened may not stand in them yet.
    """
    record = inventory.record
    if isinstance(record, RecordDamaged):
        return None
    revision = recorded.recorded_revision if recorded else 0
    if record.revision > revision:
        if max(record.archived_at, *(entry.verified_at for entry in record.files)) >= since:
            return None
        told = f"is revision {record.revision}, the journal tells of {revision or 'none'}"
        return Finding(Outcome.INCONCLUSIVE, MANIFEST, f"{told}; the next cycle writes the line")
    if record.revision < revision:
        text = f"is revision {record.revision}, and the journal tells of {revision}"
        return Finding(Outcome.FAILED, MANIFEST, text)
    if recorded is not None and inventory.manifest_sha256 != recorded.manifest_sha256:
        return Finding(Outcome.FAILED, MANIFEST, "is not the one that the journal tells of")
    return None


def _judge_found(name: str, found: FoundFile, entry: ManifestFile | None) -> Iterator[Finding]:
    if not found.regular:
        yield Finding(Outcome.FAILED, name, "is not a plain file")
    elif entry is not None and found.size != entry.received.size:
        yield Finding(Outcome.FAILED, name, f"has {found.size} bytes, not the {entry.received.size} that were archived")
    if found.mode & _UNSAFE_MODE:
        yield Finding(Outcome.FAILED, name, f"its mode is {found.mode:04o}, not 0440: it is open to changes")


def _judge_folders(found: Mapping[str, int], expected: Collection[str]) -> Iterator[Finding]:
    for name, mode in sorted(found.items()):
        if name not in expected:
            yield Finding(Outcome.FAILED, name, "does not belong to the snapshot")
        elif mode & _UNSAFE_FOLDER_MODE:
            yield Finding(Outcome.FAILED, name, f"its mode is {mode:04o}, not 0750: it is open to changes")


def _judge_sums(inventory: Inventory, expected: Mapping[str, str]) -> Iterator[Finding]:
    sums = inventory.sums
    if sums is None:
        if CHECKSUMS in inventory.files:
            yield Finding(Outcome.FAILED, CHECKSUMS, "cannot be read as checksums")
        return
    if MANIFEST not in sums:
        yield Finding(Outcome.INCONCLUSIVE, CHECKSUMS, "a revision was cut short; the next cycle finishes it")
    for name, digest in sorted({**expected, MANIFEST: inventory.manifest_sha256}.items()):
        if name in sums and sums[name] != digest:
            yield Finding(Outcome.FAILED, CHECKSUMS, f"does not agree with {MANIFEST} about {name}")
        elif name not in sums and name != MANIFEST:
            yield Finding(Outcome.FAILED, CHECKSUMS, f"has no line for {name}")
    for name in sorted(sums.keys() - expected.keys() - {MANIFEST}):
        yield Finding(Outcome.FAILED, CHECKSUMS, f"has a line for {name}, which the manifest does not know")
