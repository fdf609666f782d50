"""Manifests and journal lines into rows. Each function works inside a transaction of its caller's."""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import assert_never

from backupd.catalog import later, watched
from backupd.catalog.schema import to_column
from backupd.catalog.sealing import seal_job, seal_org, sound_job, sound_org, sound_snapshot
from backupd.core.errors import RecordDamaged
from backupd.core.factfields import entry_fields
from backupd.core.facts import (
    AlarmAcknowledged,
    AlarmCleared,
    AlarmRaised,
    AlarmTold,
    DeadlineTold,
    Dropped,
    Healed,
    HistoryRead,
    HistorySeen,
    HoldLifted,
    HoldSet,
    LinksSeen,
    Missed,
    OrgPinned,
    Published,
    Revised,
    Scrubbed,
)
from backupd.core.manifest import Manifest
from backupd.core.model import JobId, TakenBasis
from backupd.core.records import FoundSnapshot, JournalLine

_LINKS_KEPT = timedelta(days=60)  # after their expiry; the vendor might still show them

_Row = dict[str, str | int | None]


def position(db: sqlite3.Connection, org: str) -> tuple[int, str]:
    """Return how far the org's journal is read, and the hash of the last line read."""
    sound_org(db, org)
    return _position(db, org)


def count(db: sqlite3.Connection) -> int:
    """Return how many snapshots are known."""
    return int(db.execute("SELECT count(*) FROM snapshots").fetchone()[0])


def put_manifest(db: sqlite3.Connection, path: PurePosixPath, manifest: Manifest, manifest_sha256: str) -> None:
    """Take in a snapshot, in place of what was known of the same job."""
    org, job = manifest.org, manifest.job
    row: _Row = {
        "org": org,
        "zgid": job.zgid,
        "job": job.job,
        "path": str(path),
        "folder": path.name,
        "taken_at": to_column(manifest.taken.at),
        "taken_basis": str(manifest.taken.basis),
        "expires_at": to_column(manifest.expires_at),
        "first_seen_at": to_column(manifest.first_seen_at),
        "archived_at": to_column(manifest.archived_at),
        "revision": manifest.revision,
        "files": len(manifest.files),
        "size": manifest.size,
        "missing": len(manifest.missing),
        "manifest_sha256": manifest_sha256,
        "problem": None,
    }
    snapshot = _put_snapshot(db, row)
    later.put_files(db, snapshot, manifest)
    _settle(db, org, job)


def put_unreadable(
    db: sqlite3.Connection, org: str, job: JobId, path: PurePosixPath, problem: str, at: datetime
) -> None:
    """Take in a snapshot whose manifest cannot be read: that it should be there is known, and little else."""
    instant = to_column(at)
    row: _Row = {
        "org": org,
        "zgid": job.zgid,
        "job": job.job,
        "path": str(path),
        "folder": path.name,
        "taken_at": instant,
        "taken_basis": str(TakenBasis.FIRST_SEEN),
        "expires_at": instant,
        "first_seen_at": instant,
        "archived_at": instant,
        "revision": 0,
        "files": 0,
        "size": 0,
        "manifest_sha256": "",
        "problem": problem,
    }
    later.recount(db, _put_snapshot(db, row))


def put_found(db: sqlite3.Connection, batch: Iterable[FoundSnapshot], at: datetime) -> None:
    """Take in snapshots as a scan found them; they are not sealed yet."""
    for found in batch:
        match found.record:
            case Manifest():
                put_manifest(db, found.path, found.record, found.manifest_sha256)
            case RecordDamaged():
                org, job = found.path.parts[0], found.path.name.partition("_")[2]
                put_unreadable(db, org, JobId("", job), found.path, str(found.record), at)
            case _:
                assert_never(found.record)


def snapshots_needed(db: sqlite3.Connection, org: str, lines: Iterable[JournalLine]) -> tuple[PurePosixPath, ...]:
    """Return the paths of snapshots that lines speak of, and that are not known in as late a revision."""
    needed: dict[PurePosixPath, None] = {}
    for line in lines:
        match line.fact:
            case Published() | Revised() | Healed() if _revision(db, org, line.fact.job) < line.fact.revision:
                needed[PurePosixPath(line.fact.path)] = None
            case Dropped():
                needed[PurePosixPath(line.fact.path)] = None
            case _:
                pass
    return tuple(needed)


class Gap(Exception):
    """Lines before these were not taken in: writing them failed."""


def put_lines(
    db: sqlite3.Connection,
    org: str,
    lines: Iterable[JournalLine],
    found: Mapping[PurePosixPath, FoundSnapshot],
    *,
    sealed: bool = True,
) -> None:
    """Take in lines that follow the last one read; those already read are passed over.

    Not `sealed`: a new catalog is being filled, and will be sealed at its end; what an org's seal covers grows with
    what was not archived, so that it is not for each batch of a long journal. Raises Gap.
    """
    read_to, head = (position if sealed else _position)(db, org)
    first = None
    for line in lines:
        if line.end <= read_to:
            continue
        if line.start != read_to:
            raise Gap
        (_put_sealed if sealed else _put_line)(db, org, line, found)
        if isinstance(line.fact, LinksSeen):
            _drop_old_links(db, org, line.fact.job, to_column(line.at - _LINKS_KEPT), sealed=sealed)
        first = first or line
        read_to, head = line.end, line.sha256
    db.execute(
        "INSERT INTO orgs (org, read_to, head) VALUES (?, ?, ?)"
        " ON CONFLICT (org) DO UPDATE SET read_to = excluded.read_to, head = excluded.head",
        (org, read_to, head),
    )
    if first is not None:
        watched.put_beginning(db, org, first)
    if sealed:
        seal_org(db, org)


def _position(db: sqlite3.Connection, org: str) -> tuple[int, str]:
    return db.execute("SELECT read_to, head FROM orgs WHERE org = ?", (org,)).fetchone() or (0, "")


def _put_sealed(
    db: sqlite3.Connection, org: str, line: JournalLine, found: Mapping[PurePosixPath, FoundSnapshot]
) -> None:
    """Take in a line, if what it changes is as it was written; else a seal would make damage good."""
    job: JobId | None = getattr(line.fact, "job", None)
    if job is not None:
        sound_snapshot(db, org, job)
        sound_job(db, org, job)
    _put_line(db, org, line, found)
    if job is not None:
        seal_job(db, org, job)


def _put_line(
    db: sqlite3.Connection, org: str, line: JournalLine, found: Mapping[PurePosixPath, FoundSnapshot]
) -> None:
    match line.fact:
        case OrgPinned(zgid):
            db.execute(
                "INSERT INTO orgs (org, zgid, read_to, head) VALUES (?, ?, 0, '')"
                " ON CONFLICT (org) DO UPDATE SET zgid = excluded.zgid",
                (org, zgid),
            )
        case LinksSeen():
            _put_links(db, org, line.fact, line.at)
        case Published() | Revised() | Healed():
            _put_published(db, org, line.fact, found.get(PurePosixPath(line.fact.path)), line.at)
        case Missed(job, expired_at, files, saved):
            db.execute(
                "UPDATE jobs SET missed_at = ?, missed_files = ?, missed_saved = ?"
                " WHERE org = ? AND zgid = ? AND job = ?",
                (to_column(expired_at), files, saved, org, job.zgid, job.job),
            )
            _settle(db, org, job)
        case HistorySeen(entry):
            at = None if entry.at is None else to_column(entry.at)
            key = entry.id.encode(errors="backslashreplace").decode()
            db.execute(
                "INSERT OR REPLACE INTO history VALUES (?, ?, ?, ?)", (org, key, at, json.dumps(entry_fields(entry)))
            )
        case Scrubbed():
            later.put_scrubbed(db, org, line.fact, to_column(line.at))
        case Dropped():
            later.put_dropped(db, org, line.fact, to_column(line.at), found.get(PurePosixPath(line.fact.path)))
            _settle(db, org, line.fact.job)
        case HoldSet() | HoldLifted():
            later.put_hold(db, org, line.fact, to_column(line.at))
        case (
            AlarmRaised() | AlarmTold() | AlarmCleared() | AlarmAcknowledged() | DeadlineTold() | HistoryRead() as fact
        ):
            watched.put_fact(db, org, fact, line.at)
        case _:
            pass  # of a newer backupd, or damaged: nothing to index


def _put_links(db: sqlite3.Connection, org: str, seen: LinksSeen, at: datetime) -> None:
    job, expires_at = seen.job, to_column(seen.expires_at)
    db.execute(
        "INSERT INTO jobs (org, zgid, job, first_seen_at, expires_at) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (org, zgid, job) DO UPDATE SET expires_at = excluded.expires_at, linked = 1",
        (org, job.zgid, job.job, to_column(at), expires_at),
    )
    # given up, and now the vendor lets them live longer
    db.execute(
        "UPDATE jobs SET missed_at = NULL, missed_files = NULL, missed_saved = NULL"
        " WHERE org = ? AND zgid = ? AND job = ? AND missed_at < expires_at",
        (org, job.zgid, job.job),
    )
    db.executemany(
        "INSERT OR REPLACE INTO links VALUES (?, ?, ?, ?, ?, ?)",
        [
            (org, job.zgid, job.job, str(link.file.kind), link.file.name, link.url.encode(errors="surrogatepass"))
            for link in seen.links
        ],
    )
    _settle(db, org, job)


def _drop_old_links(db: sqlite3.Connection, org: str, but: JobId, before: str, *, sealed: bool) -> None:
    old = db.execute(
        "SELECT zgid, job FROM jobs INDEXED BY jobs_linked"
        " WHERE org = ? AND linked = 1 AND open = 0 AND expires_at < ?",
        (org, before),
    ).fetchall()
    for zgid, job in old:
        if JobId(zgid, job) != but:
            if sealed:
                sound_job(db, org, JobId(zgid, job))
            db.execute("DELETE FROM links WHERE org = ? AND zgid = ? AND job = ?", (org, zgid, job))
            db.execute("UPDATE jobs SET linked = 0 WHERE org = ? AND zgid = ? AND job = ?", (org, zgid, job))
            if sealed:
                seal_job(db, org, JobId(zgid, job))


def _put_published(
    db: sqlite3.Connection, org: str, fact: Published | Revised | Healed, found: FoundSnapshot | None, at: datetime
) -> None:
    key = (org, fact.job.zgid, fact.job.job)
    later.undrop(db, org, fact.job)
    if found is not None and isinstance(found.record, Manifest):
        put_manifest(db, found.path, found.record, found.manifest_sha256)
    elif found is not None and _revision(db, org, fact.job) == 0:
        put_unreadable(db, org, fact.job, found.path, str(found.record), at)
    elif found is not None:
        set_problem = "UPDATE snapshots SET problem = ? WHERE org = ? AND zgid = ? AND job = ?"
        db.execute(set_problem, (str(found.record), *key))
        later.recount_of(db, org, fact.job)
    record = "UPDATE snapshots SET journal_sha256 = ?, journal_revision = ? WHERE org = ? AND zgid = ? AND job = ?"
    db.execute(record, (fact.manifest_sha256, fact.revision, *key))
    if isinstance(fact, Healed):
        later.put_healed(db, org, fact, to_column(at))


def _put_snapshot(db: sqlite3.Connection, row: _Row) -> int:
    """Insert or update the row of a job's snapshot, and return its number."""
    names = ", ".join(row)
    values = ", ".join(f":{name}" for name in row)
    updates = ", ".join(f"{name} = excluded.{name}" for name in row)
    other = "path = :path AND (org, zgid, job) <> (:org, :zgid, :job)"
    db.execute(f"DELETE FROM files WHERE snapshot IN (SELECT id FROM snapshots WHERE {other})", row)  # noqa: S608  fixed
    db.execute(f"DELETE FROM snapshots WHERE {other}", row)  # noqa: S608  as above
    cursor = db.execute(
        f"INSERT INTO snapshots ({names}) VALUES ({values})"  # noqa: S608  the names are our own
        f" ON CONFLICT (org, zgid, job) DO UPDATE SET {updates} RETURNING id",
        row,
    )
    return int(cursor.fetchone()[0])


def _revision(db: sqlite3.Connection, org: str, job: JobId) -> int:
    """Return the revision of a job's snapshot; 0 if there is none, or none whose manifest could be read."""
    row = db.execute(
        "SELECT revision FROM snapshots WHERE org = ? AND zgid = ? AND job = ?", (org, job.zgid, job.job)
    ).fetchone()
    return int(row[0]) if row else 0


def _settle(db: sqlite3.Connection, org: str, job: JobId) -> None:
    """Say of a job whether a link of it is neither archived nor given up."""
    db.execute(
        "UPDATE jobs SET open = missed_at IS NULL AND dropped_at IS NULL AND EXISTS ("
        "  SELECT 1 FROM links WHERE links.org = jobs.org AND links.zgid = jobs.zgid AND links.job = jobs.job"
        "  AND NOT EXISTS (SELECT 1 FROM snapshots JOIN files ON files.snapshot = snapshots.id"
        "    WHERE snapshots.org = jobs.org AND snapshots.zgid = jobs.zgid AND snapshots.job = jobs.job"
        "    AND files.kind = links.kind AND files.name = links.name)"
        ") WHERE org = ? AND zgid = ? AND job = ?",
        (org, job.zgid, job.job),
    )
