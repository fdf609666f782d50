"""Rows into answers: each function reads inside one transaction, and costs the same with ten snapshots or 100,000."""

import json
import sqlite3
from collections.abc import Collection, Iterable
from pathlib import PurePosixPath
from typing import Any

from backupd.catalog.rows import FileRow, MissedJob, OrgTotals, SnapshotRow
from backupd.catalog.schema import from_column, to_column
from backupd.catalog.watched import told_of
from backupd.core.errors import UsageError
from backupd.core.factfields import entry_from_fields
from backupd.core.model import UNKNOWN_ZGID, FileId, HistoryEntry, JobId, Kind, Link, Offer, Taken, TakenBasis
from backupd.core.records import ArchivedJob, RememberedOffer

_SNAPSHOT = (
    "SELECT org, zgid, job, path, taken_at, taken_basis, expires_at, first_seen_at, archived_at, revision, files, size,"
    " manifest_sha256, problem, scrubbed_at, damaged, missing FROM snapshots"
)
_ZGID_OF_SNAPSHOTS = "SELECT zgid FROM snapshots WHERE org = ? AND zgid NOT IN ('', ?) LIMIT 1"
_AFTER_ALL = "\U0010ffff"  # sorts behind every name that begins alike
_NAMED_AT_MOST = 5  # of several that fit a prefix


def archived(db: sqlite3.Connection, org: str, jobs: Collection[JobId]) -> dict[JobId, ArchivedJob]:
    """Return what is archived of these jobs."""
    answer = {}
    for job in jobs:
        row = db.execute(
            "SELECT id, path, revision, journal_sha256 FROM snapshots WHERE org = ? AND zgid = ? AND job = ?",
            (org, job.zgid, job.job),
        ).fetchone()
        if row is not None:
            files = db.execute("SELECT kind, name, damaged FROM files WHERE snapshot = ?", (row[0],)).fetchall()
            names = frozenset(FileId(Kind(kind), name) for kind, name, _ in files)
            damaged = frozenset(FileId(Kind(kind), name) for kind, name, damaged in files if damaged)
            answer[job] = ArchivedJob(PurePosixPath(row[1]), row[2], row[3], names, damaged)
    return answer


def remembered(db: sqlite3.Connection, org: str, jobs: Collection[JobId]) -> dict[JobId, RememberedOffer]:
    """Return the links once seen of these jobs."""
    return {job: offer for job in jobs if (offer := _remembered(db, org, job)) is not None}


def pending(db: sqlite3.Connection, org: str) -> tuple[RememberedOffer, ...]:
    """Return the jobs with links that are neither archived nor given up, by expiry."""
    rows = db.execute(
        "SELECT zgid, job FROM jobs INDEXED BY jobs_open WHERE org = ? AND open = 1 ORDER BY expires_at, job", (org,)
    )
    jobs = [JobId(zgid, job) for zgid, job in rows.fetchall()]
    return tuple(remembered(db, org, jobs).values())


def pinned(db: sqlite3.Connection, org: str) -> str | None:
    """Return the zgid that the org was pinned to; without a journal, the one of its snapshots."""
    row = db.execute("SELECT zgid FROM orgs WHERE org = ? AND zgid IS NOT NULL", (org,)).fetchone()
    row = row or db.execute(_ZGID_OF_SNAPSHOTS, (org, UNKNOWN_ZGID)).fetchone()
    return row[0] if row else None


def snapshots(
    db: sqlite3.Connection, org: str | None, *, limit: int, after: SnapshotRow | None
) -> tuple[SnapshotRow, ...]:
    """Return snapshots, newest first, from behind `after` on."""
    rules, values = ["1"], []
    if org is not None:
        rules, values = ["org = ?"], [org]
    if after is not None:
        row = db.execute("SELECT taken_at FROM snapshots WHERE path = ?", (str(after.path),)).fetchone()
        rules.append("(taken_at, path) < (?, ?)")
        values += [row[0] if row else to_column(after.taken.at), str(after.path)]
    query = f"{_SNAPSHOT} WHERE {' AND '.join(rules)} ORDER BY taken_at DESC, path DESC LIMIT ?"
    return _rows(db.execute(query, (*values, limit)))


def find(db: sqlite3.Connection, name: str) -> SnapshotRow:
    """Find the one snapshot by its path, folder or job id, or the beginning of one. Raises UsageError."""
    name = name.strip("/")
    for rule, values in (
        ("path = ? OR folder = ? OR job = ?", (name, name, name)),
        (
            "(path >= ? AND path < ?) OR (folder >= ? AND folder < ?) OR (job >= ? AND job < ?)",
            (name, name + _AFTER_ALL) * 3,
        ),
    ):
        found = _rows(db.execute(f"{_SNAPSHOT} WHERE {rule} ORDER BY path LIMIT ?", (*values, _NAMED_AT_MOST + 1)))
        if len(found) == 1:
            return found[0]
        if found:
            raise _ambiguous(name, found)
    raise UsageError(f"there is no snapshot {name!r}", advice="See `backupd list` for what there is.")


def files(db: sqlite3.Connection, path: PurePosixPath) -> tuple[FileRow, ...]:
    """Return the files of a snapshot: data first, then by name."""
    rows = db.execute(
        "SELECT kind, name, files.size, sha256, members, unpacked_size, verified_at, read_at, files.damaged"
        " FROM files JOIN snapshots ON snapshots.id = files.snapshot WHERE path = ? ORDER BY kind <> 'data', name",
        (str(path),),
    )
    return tuple(
        FileRow(
            FileId(Kind(kind), name),
            size,
            sha256,
            members,
            unpacked,
            from_column(verified_at),
            from_column(read_at),
            damaged=bool(damaged),
        )
        for kind, name, size, sha256, members, unpacked, verified_at, read_at, damaged in rows
    )


def totals(db: sqlite3.Connection) -> tuple[OrgTotals, ...]:
    """Return the sums for each org that has a snapshot, by name."""
    rows = db.execute(
        "SELECT org, count(*), sum(files), sum(size), sum(damaged > 0 OR problem IS NOT NULL), max(taken_at),"
        " max(archived_at) FROM snapshots INDEXED BY snapshots_summed GROUP BY org ORDER BY org"
    )
    return tuple(
        OrgTotals(org, snapshots, files, size, damaged, from_column(taken_at), from_column(archived_at))
        for org, snapshots, files, size, damaged, taken_at, archived_at in rows
    )


def history(db: sqlite3.Connection, org: str, *, limit: int) -> tuple[HistoryEntry, ...]:
    """Return the vendor's history as far as it was seen, newest first."""
    rows = db.execute("SELECT entry FROM history WHERE org = ? ORDER BY at DESC, id DESC LIMIT ?", (org, limit))
    return tuple(entry_from_fields(json.loads(entry)) for (entry,) in rows)


def missed(db: sqlite3.Connection, org: str | None, *, limit: int) -> tuple[MissedJob, ...]:
    """Return the jobs that were given up, newest first."""
    rows = db.execute(
        "SELECT org, zgid, job, first_seen_at, missed_at, missed_files, missed_saved"
        " FROM jobs INDEXED BY jobs_missed"
        " WHERE missed_at IS NOT NULL AND (:org IS NULL OR org = :org) ORDER BY missed_at DESC LIMIT :limit",
        {"org": org, "limit": limit},
    )
    return tuple(
        MissedJob(name, JobId(zgid, job), from_column(seen), from_column(expired), count, saved)
        for name, zgid, job, seen, expired, count, saved in rows
    )


def _remembered(db: sqlite3.Connection, org: str, job: JobId) -> RememberedOffer | None:
    key = (org, job.zgid, job.job)
    row = db.execute(
        "SELECT first_seen_at, expires_at, missed_at, told_step, told_expires_at FROM jobs"
        " WHERE org = ? AND zgid = ? AND job = ?",
        key,
    ).fetchone()
    if row is None:
        return None
    links = db.execute(
        "SELECT kind, name, url FROM links WHERE org = ? AND zgid = ? AND job = ? ORDER BY kind <> 'data', name", key
    )
    found = tuple(Link(job, FileId(Kind(kind), name), url.decode(errors="surrogatepass")) for kind, name, url in links)
    seen, expires, missed_at, *told = row
    offer = Offer(job, found, from_column(expires))
    return RememberedOffer(offer, from_column(seen), missed=missed_at is not None, told=told_of(*told))


def _rows(rows: Iterable[tuple[Any, ...]]) -> tuple[SnapshotRow, ...]:
    return tuple(
        SnapshotRow(
            org=org,
            job=JobId(zgid, job),
            path=PurePosixPath(path),
            taken=Taken(from_column(taken_at), TakenBasis(basis)),
            expires_at=from_column(expires_at),
            first_seen_at=from_column(first_seen_at),
            archived_at=from_column(archived_at),
            revision=revision,
            files=count,
            size=size,
            manifest_sha256=manifest_sha256,
            problem=problem,
            scrubbed_at=None if scrubbed_at is None else from_column(scrubbed_at),
            damaged=damaged,
            missing=missing,
        )
        for (
            org,
            zgid,
            job,
            path,
            taken_at,
            basis,
            expires_at,
            first_seen_at,
            archived_at,
            revision,
            count,
            size,
            manifest_sha256,
            problem,
            scrubbed_at,
            damaged,
            missing,
        ) in rows
    )


def _ambiguous(name: str, found: tuple[SnapshotRow, ...]) -> UsageError:
    names = ", ".join(str(row.path) for row in found[:_NAMED_AT_MOST])
    more = ", …" if len(found) > _NAMED_AT_MOST else ""
    return UsageError(f"{name!r} may mean several snapshots: {names}{more}", advice="Give more of the name.")
