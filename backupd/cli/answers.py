"""Answers as JSON: the contract of `--json`, described in docs/json.md. Fields are added, never changed."""

import json
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from backupd.catalog import FileRow, MissedJob, SnapshotRow
from backupd.cli import shown
from backupd.core.manifest import Manifest, to_json
from backupd.core.names import CHECKSUMS, MANIFEST, path_in_snapshot
from backupd.core.times import shortened, to_text

if TYPE_CHECKING:
    from backupd.core.alarms import Alarm
    from backupd.core.audit import Finding, Outcome
    from backupd.core.overview import UnderWay
    from backupd.upkeep.auditing import Audit

Document = Mapping[str, Any]

encode = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode
"""Encodes a value on one line, as `json.dumps` does, which would make a new encoder for each."""


def write(document: Document) -> None:
    """Write a document to standard output."""
    sys.stdout.write(json.dumps(shown.document(document), indent=2, ensure_ascii=False) + "\n")


async def write_list(name: str, pages: AsyncIterator[Iterable[Document]], rest: Callable[[], Document] = dict) -> None:
    """Write a document with one list, page by page: there may be very many. `rest` gives the fields that follow it."""
    sys.stdout.write(f'{{\n  "{name}": [')
    between = "\n    "
    async for page in pages:
        sys.stdout.write(between + _lines(list(page)))
        between = ",\n    "
    sys.stdout.write("\n  ]")
    for key, value in rest().items():
        sys.stdout.write(f',\n  "{key}": {encode(value)}')
    sys.stdout.write("\n}\n")


def _lines(page: Sequence[Document]) -> str:
    """Encode documents of one form in one go, each on a line of its own.

    A quote within a text is escaped, so that what parts two documents stands in no text.
    """
    first = next(iter(page[0]))
    return encode(page)[1:-1].replace(f'}}, {{"{first}": ', f'}},\n    {{"{first}": ')


def write_groups(head: Document, groups: str, name: str, found: Iterable[tuple[Document, Iterable[str]]]) -> None:
    """Write a document with a list of groups that each have a list of items, encoded already, one by one."""
    fields = "".join(f'  "{key}": {encode(value)},\n' for key, value in head.items())
    sys.stdout.write(f'{{\n{fields}  "{groups}": [')
    between = "\n    "
    for group, items in found:
        sys.stdout.write(f'{between}{encode(group)[:-1]}, "{name}": [')
        between = "\n      "
        for item in items:
            sys.stdout.write(between + item)
            between = ",\n      "
        sys.stdout.write("\n    ]}")
        between = ",\n    "
    sys.stdout.write("\n  ]\n}\n")


def snapshot(row: SnapshotRow) -> Document:
    """Describe a snapshot in a list."""
    return {
        "org": row.org,
        "path": row.place,
        "zgid": row.zgid,
        "job_id": row.job_id,
        "taken_at": shortened(row.taken_text),
        "taken_at_basis": row.taken_basis,
        "archived_at": shortened(row.archived_text),
        "revision": row.revision,
        "files": row.files,
        "size": row.size,
        "manifest_sha256": row.manifest_sha256,
        "state": state(row),
        "last_verified_at": None if row.scrubbed_text is None else shortened(row.scrubbed_text),
        "missing": row.missing,
    }


def state(row: SnapshotRow) -> str:
    """Say in a word how a snapshot was when it was last looked at."""
    if row.problem is not None:
        return "unreadable"
    return "damaged" if row.damaged else "ok"


def manifest(found: Manifest) -> Document:
    """Give the manifest as it stands in the snapshot."""
    document: Document = json.loads(to_json(found))
    return document


def reading(found: FileRow) -> Document:
    """Describe how a file was when it was last read to its end."""
    at = to_text(found.read_at or found.verified_at)
    return {"file": str(found.file), "last_verified_at": at, "damaged": found.damaged}


def audit(found: "Audit") -> Document:
    """Describe what came of reading a snapshot again."""
    return {
        "path": str(found.path),
        "outcome": str(found.outcome),
        "files": found.files,
        "size": found.size,
        "findings": [
            {"outcome": str(finding.outcome), "file": finding.name, "problem": finding.problem}
            for finding in found.findings
        ],
        "file_outcomes": [{"file": name, "outcome": str(outcome)} for name, outcome in _outcomes(found).items()],
    }


def _outcomes(found: "Audit") -> "Mapping[str, Outcome]":
    """Give the outcome of each file that was looked at: zips, the records if the folder was, and what was found."""
    from backupd.core.audit import outcome_of

    names = sorted(str(path_in_snapshot(file)) for file in {*found.read, *found.unreadable})
    if found.job is not None and found.other is not None:
        names += [MANIFEST, CHECKSUMS]
    by_name: dict[str, tuple[Finding, ...]] = dict.fromkeys(names, ())
    for finding in found.findings:
        if finding.name != ".":
            by_name[finding.name] = (*by_name.get(finding.name, ()), finding)
    return {name: outcome_of(findings) for name, findings in by_name.items()}


def under_way(job: "UnderWay") -> Document:
    """Describe a job that is not archived in full yet."""
    return {
        "job_id": job.job.job,
        "expires_at": to_text(job.expires_at),
        "files": job.files,
        "missing": [str(file) for file in job.missing],
        "received": job.received,
    }


def missed(job: MissedJob) -> Document:
    """Describe a job whose links expired too early."""
    return {"job_id": job.job.job, "expired_at": to_text(job.expired_at), "files": job.files, "saved": job.saved}


def alarm(found: "Alarm") -> Document:
    """Describe an alarm that stands."""
    return {
        "key": found.finding.key,
        "condition": str(found.finding.condition),
        "text": found.finding.text,
        "raised_at": to_text(found.raised_at),
        "acknowledged": found.acknowledged,
    }


def instant(at: datetime | None) -> str | None:
    """Write an instant, or nothing."""
    return None if at is None else to_text(at)
