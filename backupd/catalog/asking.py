"""Rows into answers: each function reads inside one transaction, and costs the same with ten snapshots or 100,000."""

import json
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from itertools import starmap
from pathlib import PurePosixPath

from backupd.catalog.rows import FileRow, MissedJob, OrgTotals, SnapshotRow
from backupd.catalog.schema import from_column
from backupd.catalog.sealing import Row, sound_job, sound_list, sound_org, sound_snapshot
from backupd.catalog.watched import told_of
from backupd.core.errors import UsageError
from backupd.core.factfields import entry_from_fields
from backupd.core.model import UNKNOWN_ZGID, FileId, HistoryEntry, JobId, Kind, Link, Offer
from backupd.core.records import ArchivedJob, RememberedOffer

_ZGID_OF_SNAPSHOTS = "SELECT zgid FROM snapshots WHERE org = ? AND zgid NOT IN ('', ?) LIMIT 1"
_AFTER_ALL = "\U0010ffff"  # sorts behind every name that begins alike
_NAMED_AT_MOST = 5  # of several that fit a prefix


def archived(db: sqlite3.Connection, org: str, jobs: Collection[JobId]) -> dict[JobId, ArchivedJob]:
    """Return what is archived of these jobs."""
    answer = {}
    for job in jobs:
        found = sound_snapshot(db, org, job)
        if found is not None:
            row, files = found
            answer[job] = ArchivedJob(
                path=PurePosixPath(row["path"]),
                revision=row["revision"],
                manifest_sha256=row["journal_sha256"],
                files=frozenset(_file(file) for file in files),
                damaged=frozenset(_file(file) for file in files if file["damaged"]),
                recorded_revision=row["journal_revision"],
            )
    return answer


def remembered(db: sqlite3.Connection, org: str, jobs: Collection[JobId]) -> dict[JobId, RememberedOffer]:
    """Return the links once seen of these jobs."""
    sound_org(db, org)
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
    row = sound_org(db, org)
    if row is not None and row["zgid"] is not None:
        return str(row["zgid"])
    found = db.execute(_ZGID_OF_SNAPSHOTS, (org, UNKNOWN_ZGID)).fetchone()
    return found[0] if found else None


def snapshots(
    db: sqlite3.Connection, org: str | None, *, limit: int, after: SnapshotRow | None
) -> tuple[SnapshotRow, ...]:
    """Return snapshots, newest first, from behind `after` on."""
    rules, values = ["1"], []
    if org is not None:
        rules, values = ["org = ?"], [org]
    if after is not None:
        row = db.execute("SELECT taken_at FROM snapshots WHERE path = ?", (after.place,)).fetchone()
        rules.append("(taken_at, path) < (?, ?)")
        values += [row[0] if row else after.taken_text, after.place]
    which = f"WHERE {' AND '.join(rules)} ORDER BY taken_at DESC, path DESC LIMIT ?"
    return tuple(listed(db, which, (*values, limit)))


def listed(db: sqlite3.Connection, which: str, parameters: Sequence[object]) -> Iterator[SnapshotRow]:
    """Yield snapshots as they are listed. Raises ValueError at one that is not as it was written."""
    return starmap(SnapshotRow, sound_list(db, which, parameters))


def find(db: sqlite3.Connection, name: str) -> SnapshotRow:
    """Find the one snapshot by its path, folder or job id, or the beginning of one. Raises UsageError."""
    name = name.strip("/")
    if not name:
        raise UsageError("no snapshot is named", advice="See `backupd list` for what there is.")
    for rule, values in (
        ("path = ? OR folder = ? OR job = ?", (name, name, name)),
        (
            "(path >= ? AND path < ?) OR (folder >= ? AND folder < ?) OR (job >= ? AND job < ?)",
            (name, name + _AFTER_ALL) * 3,
        ),
    ):
        found = tuple(listed(db, f"WHERE {rule} ORDER BY path LIMIT ?", (*values, _NAMED_AT_MOST + 1)))
        if len(found) == 1:
            return found[0]
        if found:
            raise _ambiguous(name, found)
    raise UsageError(f"there is no snapshot {name!r}", advice="See `backupd list` for what there is.")


def files(db: sqlite3.Connection, path: PurePosixPath) -> tuple[FileRow, ...]:
    """Return the files of a snapshot: data first, then by name."""
    key = db.execute("SELECT org, zgid, job FROM snapshots WHERE path = ?", (str(path),)).fetchone()
    found = sound_snapshot(db, key[0], JobId(key[1], key[2])) if key else None
    rows = sorted(found[1], key=lambda row: (row["kind"] != Kind.DATA, row["name"])) if found else ()
    return tuple(
        FileRow(
            _file(row),
            row["size"],
            row["sha256"],
            row["members"],
            row["unpacked_size"],
            from_column(row["verified_at"]),
            from_column(row["read_at"]),
            damaged=bool(row["damaged"]),
        )
        for row in rows
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
    found = sound_job(db, org, job)
    if found is None:
        return None
    row, links = found
    seen = tuple(Link(job, _file(link), link["url"].decode(errors="surrogatepass")) for link in links)
    offer = Offer(job, tuple(sorted(seen, key=_data_first)), from_column(row["expires_at"]))
    told = told_of(row["told_step"], row["told_expires_at"])
    return RememberedOffer(offer, from_column(row["first_seen_at"]), missed=row["missed_at"] is not None, told=told)


def _file(row: Row) -> FileId:
    return FileId(Kind(row["kind"]), row["name"])


def _data_first(link: Link) -> tuple[bool, str]:
    return link.file.kind is not Kind.DATA, link.file.name


def _ambiguous(name: str, found: tuple[SnapshotRow, ...]) -> UsageError:
    names = ", ".join(row.place for row in found[:_NAMED_AT_MOST])
    more = ", …" if len(found) > _NAMED_AT_MOST else ""
    return UsageError(f"{name!r} may mean several snapshots: {names}{more}", advice="Give more of the name.")
