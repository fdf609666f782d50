"""What became of snapshots after their day, into rows: read again, healed, held, dropped. Called by `filling`."""

import sqlite3

from backupd.catalog.schema import to_column
from backupd.core.facts import Dropped, Healed, HoldLifted, HoldSet, Scrubbed
from backupd.core.manifest import Manifest
from backupd.core.model import FileId, JobId
from backupd.core.records import FoundSnapshot


def put_files(db: sqlite3.Connection, snapshot: int, manifest: Manifest) -> None:
    """Take in what the manifest lists; what later readings found of the same bytes stays known."""
    known = db.execute("SELECT kind, name, sha256, read_at, damaged FROM files WHERE snapshot = ?", (snapshot,))
    before = {(kind, name, sha256): (read_at, damaged) for kind, name, sha256, read_at, damaged in known}
    db.execute("DELETE FROM files WHERE snapshot = ?", (snapshot,))
    rows = []
    for entry in manifest.files:
        kind, name, received, verified_at = str(entry.file.kind), entry.file.name, entry.received, entry.verified_at
        verified = to_column(verified_at)
        read_at, damaged = before.get((kind, name, received.sha256), (verified, 0))
        checked = received.checked
        numbers = (received.size, received.sha256, checked.members, checked.unpacked_size)
        rows.append((snapshot, kind, name, *numbers, verified, max(read_at, verified), damaged))
    db.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    _recount(db, snapshot)


def put_scrubbed(db: sqlite3.Connection, org: str, fact: Scrubbed, at: str) -> None:
    """Take in what reading a snapshot again found."""
    snapshot = _snapshot(db, org, fact.job)
    if snapshot is None:
        return
    if fact.read is None:
        db.execute("UPDATE files SET read_at = ?, damaged = 0 WHERE snapshot = ?", (at, snapshot))
    else:
        _mark(db, snapshot, fact.read, read_at=at, damaged=False)
    _mark(db, snapshot, fact.damaged, read_at=at, damaged=True)
    db.execute("UPDATE snapshots SET scrubbed_at = ? WHERE id = ?", (at, snapshot))
    if fact.other is not None:
        db.execute("UPDATE snapshots SET other = ? WHERE id = ?", (len(fact.other), snapshot))
    _recount(db, snapshot)


def put_healed(db: sqlite3.Connection, org: str, fact: Healed, at: str) -> None:
    """Forget the damage of files that were replaced by whole ones."""
    snapshot = _snapshot(db, org, fact.job)
    if snapshot is not None:
        _mark(db, snapshot, fact.files, read_at=at, damaged=False)
        _recount(db, snapshot)


def put_hold(db: sqlite3.Connection, org: str, fact: HoldSet | HoldLifted, at: str) -> None:
    """Take in that a snapshot is held, or is no more."""
    key = (org, fact.job.zgid, fact.job.job)
    db.execute("DELETE FROM holds WHERE org = ? AND zgid = ? AND job = ?", key)
    if isinstance(fact, HoldSet):
        reason = fact.reason.encode(errors="backslashreplace").decode()
        db.execute("INSERT INTO holds VALUES (?, ?, ?, ?, ?)", (*key, reason, at))


def put_dropped(db: sqlite3.Connection, org: str, fact: Dropped, at: str, found: FoundSnapshot | None) -> None:
    """Forget a snapshot that was dropped, and see that its job is not fetched again; unless it lies there once more."""
    if found is not None and isinstance(found.record, Manifest) and found.record.job == fact.job:
        return
    where = "path = ? OR (org = ? AND zgid = ? AND job = ?)"
    which = (fact.path, org, fact.job.zgid, fact.job.job)
    db.execute(f"DELETE FROM files WHERE snapshot IN (SELECT id FROM snapshots WHERE {where})", which)  # noqa: S608  fixed
    db.execute(f"DELETE FROM snapshots WHERE {where}", which)  # noqa: S608  as above
    db.execute(
        "INSERT INTO jobs (org, zgid, job, first_seen_at, expires_at, linked, dropped_at, dropped_path)"
        " VALUES (:org, :zgid, :job, :at, :at, 0, :at, :path)"
        " ON CONFLICT (org, zgid, job) DO UPDATE SET dropped_at = :at, dropped_path = :path",
        {"org": org, "zgid": fact.job.zgid, "job": fact.job.job, "at": at, "path": fact.path},
    )


def undrop(db: sqlite3.Connection, org: str, job: JobId) -> None:
    """Take in that a job that was dropped has a snapshot again."""
    db.execute(
        "UPDATE jobs SET dropped_at = NULL, dropped_path = NULL WHERE org = ? AND zgid = ? AND job = ?",
        (org, job.zgid, job.job),
    )


def _snapshot(db: sqlite3.Connection, org: str, job: JobId) -> int | None:
    row = db.execute(
        "SELECT id FROM snapshots WHERE org = ? AND zgid = ? AND job = ?", (org, job.zgid, job.job)
    ).fetchone()
    return None if row is None else int(row[0])


def _mark(db: sqlite3.Connection, snapshot: int, files: tuple[FileId, ...], *, read_at: str, damaged: bool) -> None:
    db.executemany(
        "UPDATE files SET read_at = ?, damaged = ? WHERE snapshot = ? AND kind = ? AND name = ?",
        [(read_at, damaged, snapshot, str(file.kind), file.name) for file in files],
    )


def _recount(db: sqlite3.Connection, snapshot: int) -> None:
    """Say of a snapshot how much of it is damaged."""
    db.execute(
        "UPDATE snapshots SET damaged = other + (SELECT count(*) FROM files WHERE snapshot = :id AND damaged = 1)"
        " WHERE id = :id",
        {"id": snapshot},
    )
