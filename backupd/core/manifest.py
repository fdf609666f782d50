"""The manifest: a snapshot's record, complete in itself, as values and as JSON (format `backupd.manifest/1`).

Readers ignore unknown fields; writers keep the order below. Does not read or write files.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any

from backupd.core.model import Checked, FileId, JobId, Kind, Received, Schedule, Taken, TakenBasis
from backupd.core.names import file_name_problem, is_id, path_in_snapshot
from backupd.core.times import from_text, to_text

FORMAT = "backupd.manifest/1"
_SHA256 = re.compile(r"[0-9a-f]{64}")


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
    """Everything a snapshot says about itself. `files` and `missing` are ordered by kind (data first) and name."""

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
    missing: tuple[FileId, ...] = ()  # of the job, but its links died too early: the snapshot is partial

    @property
    def partial(self) -> bool:
        """Whether files of the job are known to be missing."""
        return bool(self.missing)

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
    if manifest.partial:
        document |= {"partial": True, "missing": [_missing_to_json(file) for file in manifest.missing]}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def from_json(text: str | bytes) -> Manifest:
    """Read a manifest. Raises ValueError that names the field which is missing or wrong."""
    try:
        return _from_document(json.loads(text))
    except (KeyError, TypeError) as error:
        message = f"the field {error} is missing or has another type"
        raise ValueError(message) from error
    except RecursionError as error:
        message = "it is nested too deeply"
        raise ValueError(message) from error


def _from_document(document: object) -> Manifest:
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        message = f"the format is not {FORMAT}"
        raise ValueError(message)
    tool = _object(document, "tool")
    files = tuple(file_from_json(entry) for entry in _objects(document, "files"))
    if len({entry.file for entry in files}) < len(files):
        message = "a file is listed twice"
        raise ValueError(message)
    return Manifest(
        org=_text(document, "org"),
        job=JobId(_id(document, "zgid"), _id(document, "job_id")),
        taken=Taken(from_text(_text(document, "taken_at")), TakenBasis(_text(document, "taken_at_basis"))),
        expires_at=from_text(_text(document, "expiry_date")),
        first_seen_at=from_text(_text(document, "first_seen_at")),
        archived_at=from_text(_text(document, "archived_at")),
        revision=_number(document, "revision"),
        schedule=None if document.get("schedule") is None else _schedule_from_json(_object(document, "schedule")),
        tool_version=_text(tool, "version"),
        files=files,
        missing=tuple(_file_id(entry) for entry in _objects(document, "missing")) if "missing" in document else (),
    )


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
            file=_file_id(entry),
            size=_number(entry, "size"),
            sha256=_digest(entry, "sha256"),
            checked=Checked(_number(entry, "members"), _number(entry, "unpacked_size")),
            etag=_optional_text(entry, "etag"),
            last_modified=_optional_text(entry, "last_modified"),
            attempts=_number(entry, "attempts"),
            resumed_bytes=_number(entry, "resumed_bytes"),
            seconds=_seconds(entry, "seconds"),
        ),
        verified_at=from_text(_text(entry, "verified_at")),
    )


def _missing_to_json(file: FileId) -> dict[str, str]:
    return {"kind": str(file.kind), "name": file.name, "path": str(path_in_snapshot(file))}


def _file_id(entry: Mapping[str, Any]) -> FileId:
    """Read which file it is; an edited record must not lead out of the snapshot's folder."""
    file = FileId(Kind(_text(entry, "kind")), _text(entry, "name"))
    problem = file_name_problem(file.name)
    if problem is not None:
        message = f"the name of a file {problem}"
        raise ValueError(message)
    if _text(entry, "path") != str(path_in_snapshot(file)):
        message = f"the path of {file} is another"
        raise ValueError(message)
    return file


def _schedule_to_json(schedule: Schedule | None) -> dict[str, str | None] | None:
    if schedule is None:
        return None
    return {"id": schedule.id, "rrule": schedule.rrule, "status": schedule.status}


def _schedule_from_json(document: Mapping[str, Any]) -> Schedule:
    return Schedule(id=_text(document, "id"), status=_text(document, "status"), rrule=_optional_text(document, "rrule"))


def _object(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = document[key]
    if not isinstance(value, dict):
        raise TypeError(key)
    return value


def _objects(document: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    value = document[key]
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise TypeError(key)
    return value


def _text(document: Mapping[str, Any], key: str) -> str:
    value = document[key]
    if not isinstance(value, str):
        raise TypeError(key)
    return value


def _optional_text(document: Mapping[str, Any], key: str) -> str | None:
    return None if document.get(key) is None else _text(document, key)


def _id(document: Mapping[str, Any], key: str) -> str:
    value = _text(document, key)
    if not is_id(value):
        raise TypeError(key)
    return value


def _digest(document: Mapping[str, Any], key: str) -> str:
    value = _text(document, key)
    if _SHA256.fullmatch(value) is None:
        raise TypeError(key)
    return value


def _number(document: Mapping[str, Any], key: str) -> int:
    value = document[key]
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(key)
    return value


def _seconds(document: Mapping[str, Any], key: str) -> float:
    value = document[key]
    if not isinstance(value, int | float) or isinstance(value, bool) or not isfinite(value):
        raise TypeError(key)
    return float(value)
