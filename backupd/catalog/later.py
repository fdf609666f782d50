"""What became of snapshots after their day, into rows: read again, healed, held, dropped. Called by `filling`."""

import sqlite3
from datetime import timedelta

from backupd.catalog.schema import from_column, to_column
from backupd.core.facts import Dropped, Healed, HoldLifted, HoldSet, Scrubbed
from backupd.core.manifest import Manifest
from backupd.core.model import FileId, JobId, Kind
from backupd.core.records import FoundSnapshot

_STAYS = timedelta(hours=12)  # a disk or a mount may refuse for a while


def put_files(db: sqlite3.Connection, snapshot: int, manifest: Manifest) -> None:
    """Take in what the manifest lists; what later readings found of the same bytes stays known."""
    columns = "kind, name, sha256, read_at, damaged, unread_since, unread_at"
    known = db.execute(f"SELECT {columns} FROM files WHERE snapshot = ?", (snapshot,))  # noqa: S608  fixed
    before = {row[:3]: row[3:] for row in known}
    db.execute("DELETE FROM files WHERE snapshot = ?", (snapshot,))
    rows = []
    for entry in manifest.files:
        kind, name, received, verified_at = str(entry.file.kind), entry.file.name, entry.received, entry.verified_at
        verified = to_column(verified_at)
        read_at, *found = before.get((kind, name, received.sha256), (verified, 0, None, None))
        checked = received.checked
        numbers = (received.size, received.sha256, checked.members, checked.unpacked_size)
        rows.append((snapshot, kind, name, *numbers, verified, max(read_at, verified), *found))
    db.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    recount(db, snapshot)


def put_scrubbed(db: sqlite3.Connection, org: str, fact: Scrubbed, at: str) -> None:
    """Take in what reading a snapshot again found."""
    snapshot = _snapshot(db, org, fact.job)
    if snapshot is None:
        return
    if fact.read is None:
        clear = "UPDATE files SET read_at = ?, damaged = 0, unread_since = NULL, unread_at = NULL WHERE snapshot = ?"
        db.execute(clear, (at, snapshot))
    else:
        _mark(db, snapshot, fact.read, read_at=at, damaged=False)
    _mark(db, snapshot, fact.damaged, read_at=at, damaged=True)
    _mark_unread(db, snapshot, fact, at)
    db.execute("UPDATE snapshots SET scrubbed_at = ? WHERE id = ?", (at, snapshot))
    if fact.other is not None:
        bad = db.execute("SELECT kind, name FROM files WHERE snapshot = ? AND damaged = 1", (snapshot,))
        known = {str(FileId(Kind(kind), name)) for kind, name in bad}  # counted as files
        db.execute("UPDATE snapshots SET other = ? WHERE id = ?", (len({*fact.other} - known), snapshot))
    recount(db, snapshot)


def put_healed(db: sqlite3.Connection, org: str, fact: Healed, at: str) -> None:
    """Forget the damage of files that were replaced by whole ones."""
    snapshot = _snapshot(db, org, fact.job)
    if snapshot is not None:
        _mark(db, snapshot, fact.files, read_at=at, damaged=False)
        recount(db, snapshot)


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
        "UPDATE files SET read_at = ?, damaged = ?, unread_since = NULL, unread_at = NULL"
        " WHERE snapshot = ? AND kind = ? AND name = ?",
        [(read_at, damaged, snapshot, str(file.kind), file.name) for file in files],
    )


def _mark_unread(db: sqlite3.Connection, snapshot: int, fact: Scrubbed, at: str) -> None:
    """Take in what could not be read. A file of which that stays so counts as damaged, to be healed while it can be.

    Where the folder itself is not as it should be, no new file would mend that.
    """
    which = [(at, snapshot, str(file.kind), file.name) for file in fact.unread]
    where = "snapshot = ?2 AND kind = ?3 AND name = ?4"
    db.executemany(
        f"UPDATE files SET unread_since = ifnull(unread_since, ?1), unread_at = ?1 WHERE {where}",  # noqa: S608  fixed
        which,
    )
    if not fact.other:
        before = to_column(from_column(at) - _STAYS)
        damaged = "UPDATE files SET damaged = 1 WHERE snapshot = ? AND unread_at = ? AND unread_since <= ?"
        db.execute(damaged, (snapshot, at, before))


def recount(db: sqlite3.Connection, snapshot: int) -> None:
    """Say of a snapshot how much of it is damaged, and how much could not be read."""
    db.execute(
        "UPDATE snapshots SET damaged = max(other, problem IS NOT NULL)"
        " + (SELECT count(*) FROM files WHERE snapshot = :id AND damaged = 1),"
        " unread = (SELECT count(*) FROM files WHERE snapshot = :id AND unread_at IS NOT NULL) WHERE id = :id",
        {"id": snapshot},
    )


def recount_of(db: sqlite3.Connection, org: str, job: JobId) -> None:
    """Say of a job's snapshot, if there is one, how much of it is damaged."""
    snapshot = _snapshot(db, org, job)
    if snapshot is not None:
        recount(db, snapshot)
