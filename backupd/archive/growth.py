"""What a job's staging folder says about itself, as values and as JSON: `job.json`, `publishing.json`, rejections.

The folder's layout is said here too. Reads and writes no files.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from backupd.core.manifest import Manifest, from_json, to_json
from backupd.core.model import FileId, JobId, Kind
from backupd.core.slot import Slot
from backupd.core.times import from_text, to_text

JOB = "job.json"  # what grows here; without it the folder holds nothing but rejected copies
MISSED = "missed"  # since when what is here is left over
PUBLISHING = "publishing.json"  # what is about to exist; from here on it is finished, whatever happens
TREE = "snapshot"  # becomes the snapshot by one rename
PARTS = "parts"
RECEIPTS = "receipts"  # one for each whole file, written before the file gets its place
REJECTIONS = "rejections"
REJECTED = "rejected"  # the newest copy of each rejected file; the operator drops them
SCRATCH = "scratch"


@dataclass(frozen=True, slots=True)
class Growth:
    """The job that grows in a folder; `into` is its published snapshot, if files are to be added to one."""

    org: str
    job: JobId
    expires_at: datetime
    first_seen_at: datetime
    into: PurePosixPath | None


@dataclass(frozen=True, slots=True)
class Intention:
    """What publishing makes true: this manifest, at this path, with these files from staging."""

    path: PurePosixPath
    manifest: Manifest
    added: tuple[FileId, ...]
    healed: tuple[FileId, ...] = ()  # those of them that take the place of damaged ones


@dataclass(frozen=True, slots=True)
class Rejected:
    """How often a file was rejected. `moving`: its copy may still lie in the slot."""

    count: int
    last_at: datetime
    reason: str
    moving: bool


def slot_in(folder: Path, file: FileId) -> Slot:
    """Return where a file grows in a job's staging folder."""
    place = folder / PARTS / str(file.kind)
    return Slot(part=place / f"{file.name}.part", resume=place / f"{file.name}.resume")


def growth_to_json(growth: Growth) -> bytes:
    """Write `job.json`."""
    document = {
        "org": growth.org,
        "zgid": growth.job.zgid,
        "job_id": growth.job.job,
        "expiry_date": to_text(growth.expires_at),
        "first_seen_at": to_text(growth.first_seen_at),
        "into": None if growth.into is None else str(growth.into),
    }
    return _bytes(document)


def growth_from_json(text: bytes) -> Growth:
    """Read `job.json`. Raises ValueError, KeyError or TypeError."""
    document = json.loads(text)
    return Growth(
        org=document["org"],
        job=JobId(document["zgid"], document["job_id"]),
        expires_at=from_text(document["expiry_date"]),
        first_seen_at=from_text(document["first_seen_at"]),
        into=None if document["into"] is None else PurePosixPath(document["into"]),
    )


def intention_to_json(intention: Intention) -> bytes:
    """Write `publishing.json`; the manifest in it is the very text that will be in the snapshot."""
    files = {
        "added": [{"kind": str(file.kind), "name": file.name} for file in intention.added],
        "healed": [{"kind": str(file.kind), "name": file.name} for file in intention.healed],
    }
    return _bytes({"path": str(intention.path), **files, "manifest": to_json(intention.manifest)})


def intention_from_json(text: bytes) -> Intention:
    """Read `publishing.json`. Raises ValueError, KeyError or TypeError."""
    document = json.loads(text)
    added, healed = (
        tuple(FileId(Kind(entry["kind"]), entry["name"]) for entry in document.get(key, ()))
        for key in ("added", "healed")
    )
    return Intention(PurePosixPath(document["path"]), from_json(document["manifest"]), added, healed)


def rejected_to_json(rejected: Rejected) -> bytes:
    """Write the record of a file's rejections."""
    document = {
        "count": rejected.count,
        "last_at": to_text(rejected.last_at),
        "reason": rejected.reason,
        "moving": rejected.moving,
    }
    return _bytes(document)


def rejected_from_json(text: bytes) -> Rejected:
    """Read the record of a file's rejections. Raises ValueError, KeyError or TypeError."""
    document = json.loads(text)
    return Rejected(
        int(document["count"]), from_text(document["last_at"]), str(document["reason"]), bool(document["moving"])
    )


def _bytes(document: object) -> bytes:
    return json.dumps(document, indent=2).encode("ascii") + b"\n"
