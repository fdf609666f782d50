"""The manifest: a snapshot's record, complete in itself, as values and as JSON (format `backupd.manifest/1`).

Readers ignore unknown fields; writers keep the order below. Does not read or write files.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backupd.core.model import Checked, FileId, JobId, Kind, Received, Schedule, Taken, TakenBasis
from backupd.core.names import path_in_snapshot
from backupd.core.times import from_text, to_text

FORMAT = "backupd.manifest/1"


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """One archived file: what was received, and when it was verified."""

    received: Received
    verified_at: datetime

    @property
    def file(self) -> FileId:
        """The file's identity within the job."""
        return self.received.file


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything a snapshot says about itself. `files` is ordered by kind (data first) and name."""

    org: str
    job: JobId
    taken: Taken
    expires_at: datetime
    first_seen_at: datetime
    archived_at: datetime
    revision: int  # 1 when first published
    schedule: Schedule | None
    tool_version: str
    files: tuple[ManifestFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.received.size for file in self.files)


def in_order(files: tuple[ManifestFile, ...]) -> tuple[ManifestFile, ...]:
    """Order files as a manifest lists them: data before attachments, then by name."""
    return tuple(sorted(files, key=lambda entry: (entry.file.kind is not Kind.DATA, entry.file.name)))


def to_json(manifest: Manifest) -> str:
    """Write a manifest as its JSON document, with a newline at the end. The same value gives the same bytes."""
    document = {
        "format": FORMAT,
        "org": manifest.org,
        "zgid": manifest.job.zgid,
        "job_id": manifest.job.job,
        "taken_at": to_text(manifest.taken.at),
        "taken_at_basis": str(manifest.taken.basis),
        "expiry_date": to_text(manifest.expires_at),
        "first_seen_at": to_text(manifest.first_seen_at),
        "archived_at": to_text(manifest.archived_at),
        "revision": manifest.revision,
        "schedule": _schedule_to_json(manifest.schedule),
        "tool": {"name": "backupd", "version": manifest.tool_version},
        "files": [file_to_json(entry) for entry in in_order(manifest.files)],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def from_json(text: str | bytes) -> Manifest:
    """Read a manifest. Raises ValueError that names the field which is missing or wrong."""
    document = json.loads(text)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        message = f"the format is not {FORMAT}"
        raise ValueError(message)
    try:
        return Manifest(
            org=_text(document, "org"),
            job=JobId(_text(document, "zgid"), _text(document, "job_id")),
            taken=Taken(from_text(_text(document, "taken_at")), TakenBasis(_text(document, "taken_at_basis"))),
            expires_at=from_text(_text(document, "expiry_date")),
            first_seen_at=from_text(_text(document, "first_seen_at")),
            archived_at=from_text(_text(document, "archived_at")),
            revision=_number(document, "revision"),
            schedule=_schedule_from_json(document.get("schedule")),
            tool_version=_text(document["tool"], "version"),
            files=tuple(file_from_json(entry) for entry in document["files"]),
        )
    except (KeyError, TypeError) as error:
        message = f"the field {error} is missing or has another type"
        raise ValueError(message) from error


def file_to_json(entry: ManifestFile) -> dict[str, Any]:
    """Write one file's record, as the manifest and the staging receipt hold it."""
    received = entry.received
    return {
        "kind": str(received.file.kind),
        "name": received.file.name,
        "path": str(path_in_snapshot(received.file)),
        "size": received.size,
        "sha256": received.sha256,
        "members": received.checked.members,
        "unpacked_size": received.checked.unpacked_size,
        "etag": received.etag,
        "last_modified": received.last_modified,
        "attempts": received.attempts,
        "resumed_bytes": received.resumed_bytes,
        "seconds": round(received.seconds, 3),
        "verified_at": to_text(entry.verified_at),
    }


def file_from_json(entry: Mapping[str, Any]) -> ManifestFile:
    """Read one file's record. Raises KeyError, TypeError or ValueError on a wrong field."""
    return ManifestFile(
        received=Received(
            file=FileId(Kind(_text(entry, "kind")), _text(entry, "name")),
            size=_number(entry, "size"),
            sha256=_text(entry, "sha256"),
            checked=Checked(_number(entry, "members"), _number(entry, "unpacked_size")),
            etag=entry.get("etag"),
            last_modified=entry.get("last_modified"),
            attempts=_number(entry, "attempts"),
            resumed_bytes=_number(entry, "resumed_bytes"),
            seconds=float(entry["seconds"]),
        ),
        verified_at=from_text(_text(entry, "verified_at")),
    )


def _schedule_to_json(schedule: Schedule | None) -> dict[str, str | None] | None:
    if schedule is None:
        return None
    return {"id": schedule.id, "rrule": schedule.rrule, "status": schedule.status}


def _schedule_from_json(document: Mapping[str, Any] | None) -> Schedule | None:
    if document is None:
        return None
    return Schedule(id=_text(document, "id"), status=_text(document, "status"), rrule=document.get("rrule"))


def _text(document: Mapping[str, Any], key: str) -> str:
    value = document[key]
    if not isinstance(value, str):
        raise TypeError(key)
    return value


def _number(document: Mapping[str, Any], key: str) -> int:
    value = document[key]
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(key)
    return value
