"""Rows into answers about the later life of snapshots: what to keep, what to read again, what to heal, what went."""

import sqlite3
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from sys import intern
from typing import Protocol, TypeVar

from backupd.catalog.asking import remembered
from backupd.catalog.schema import from_column, to_column
from backupd.catalog.sealing import sound, sound_list, sound_org
from backupd.core.listing import DroppedJob, Hold, LastRead
from backupd.core.model import FileId, JobId, Kind
from backupd.core.records import RememberedOffer
from backupd.core.retention import Standing

_MANY = 1_000_000

_T = TypeVar("_T")


class Ask(Protocol):
    """The way to the database."""

    async def __call__(self, question: Callable[[sqlite3.Connection], _T]) -> _T:
        """Answer a question in one transaction."""


@dataclass(frozen=True, slots=True)
class Place:
    """What is known to lie at a path."""

    job: JobId
    readable: bool  # False: its manifest could not be read


@dataclass(frozen=True, slots=True)
class Later:
    """The catalog's answers about the later life of snapshots."""

    ask: Ask

    async def standings(self, org: str) -> tuple[Standing, ...]:
        """Return every snapshot of an org as retention judges it."""
        return await self.ask(lambda db: _standings(db, org))

    async def holds(self, org: str | None = None) -> tuple[Hold, ...]:
        """Return what is held, the oldest hold first."""
        return await self.ask(lambda db: _holds(db, org))

    async def unrecorded(self, org: str) -> tuple[PurePosixPath, ...]:
        """Return the snapshots whose manifest is of a later revision than the journal tells of, if it tells of them."""
        return await self.ask(lambda db: _unrecorded(db, org))

    async def dropped(self, org: str, *, limit: int = _MANY) -> tuple[DroppedJob, ...]:
        """Return the jobs whose snapshots were dropped by rule, newest first."""
        return await self.ask(lambda db: _dropped(db, org, limit))

    async def at(self, org: str, paths: Collection[PurePosixPath]) -> Mapping[PurePosixPath, Place]:
        """Return what is known to lie at these paths."""
        return await self.ask(lambda db: _at(db, org, paths))

    async def ailing(self, org: str, *, before: datetime, limit: int) -> tuple[PurePosixPath, ...]:
        """Return the snapshots that are not as recorded and were last looked at before then, the longest ago first."""
        return await self.ask(lambda db: _ailing(db, org, before, limit))

    async def longest_unread(self, org: str, *, before: datetime, limit: int) -> tuple[LastRead, ...]:
        """Return the files that were last read before then, the longest unread first; not those that refused it."""
        return await self.ask(lambda db: _longest_unread(db, org, before, limit))

    async def unread(self, org: str, *, before: datetime) -> tuple[tuple[datetime, int], ...]:
        """Return of which hours the last reading was, before then, and of how many bytes; the longest ago first."""
        return await self.ask(lambda db: _unread(db, org, before))

    async def unreadable(self, org: str, *, before: datetime, limit: int) -> tuple[LastRead, ...]:
        """Return the files that could not be read when that was last tried, before then; the longest ago first."""
        return await self.ask(lambda db: _unreadable(db, org, before, limit))


def curable(db: sqlite3.Connection, org: str, now: datetime) -> tuple[RememberedOffer, ...]:
    """Return the jobs whose snapshot has damaged files while their links live."""
    rows = db.execute(
        "SELECT DISTINCT snapshots.zgid, snapshots.job FROM files INDEXED BY files_damaged"
        " CROSS JOIN snapshots ON snapshots.id = files.snapshot JOIN jobs USING (org, zgid, job)"
        " WHERE files.damaged = 1 AND org = ? AND jobs.linked = 1 AND jobs.expires_at > ?",
        (org, to_column(now)),
    )
    jobs = [JobId(zgid, job) for zgid, job in rows.fetchall()]
    return tuple(remembered(db, org, jobs).values())


def _standings(db: sqlite3.Connection, org: str) -> tuple[Standing, ...]:
    """Return every snapshot of an org as retention judges it, in no order."""
    sound_org(db, org)
    unfinished = db.execute(  # the org's seal, just looked at, covers which they are
        "SELECT zgid, job FROM jobs INDEXED BY jobs_open WHERE org = :org AND open = 1"
        " UNION SELECT zgid, job FROM jobs INDEXED BY jobs_missed WHERE org = :org AND missed_at IS NOT NULL",
        {"org": org},
    )
    open_or_missed = set(unfinished.fetchall())
    rows = sound_list(db, "INDEXED BY snapshots_by_age WHERE org = ?", (org,))
    return tuple(
        Standing(
            taken_at,
            archived_at,
            path,
            intern(zgid),  # the same for nearly all: kept once
            job,
            False if damaged or problem is not None else None if unread else True,
            missing > 0 or (zgid, job) in open_or_missed,
            size,
        )
        for _, zgid, job, path, taken_at, _, _, archived_at, _, _, size, _, problem, _, damaged, missing, unread in rows
    )


def _holds(db: sqlite3.Connection, org: str | None) -> tuple[Hold, ...]:
    """Return what is held, the oldest hold first."""
    for name in [org] if org is not None else [name for (name,) in db.execute("SELECT org FROM orgs").fetchall()]:
        sound_org(db, name)
    rows = db.execute(
        "SELECT org, zgid, job, path, reason, since FROM holds LEFT JOIN snapshots USING (org, zgid, job)"
        " WHERE :org IS NULL OR org = :org ORDER BY since, org, job",
        {"org": org},
    )
    return tuple(
        Hold(name, JobId(zgid, job), None if path is None else PurePosixPath(path), reason, from_column(since))
        for name, zgid, job, path, reason, since in rows
    )


def _unrecorded(db: sqlite3.Connection, org: str) -> tuple[PurePosixPath, ...]:
    query = "SELECT path FROM snapshots INDEXED BY snapshots_unrecorded WHERE org = ? AND journal_revision < revision"
    return tuple(PurePosixPath(path) for (path,) in db.execute(query, (org,)))


def _dropped(db: sqlite3.Connection, org: str, limit: int) -> tuple[DroppedJob, ...]:
    """Return the jobs whose snapshots were dropped, newest first."""
    rows = db.execute(
        "SELECT zgid, job, dropped_path, first_seen_at, expires_at, dropped_at FROM jobs INDEXED BY jobs_dropped"
        " WHERE org = ? AND dropped_at IS NOT NULL ORDER BY dropped_at DESC LIMIT ?",
        (org, limit),
    )
    return tuple(
        DroppedJob(JobId(zgid, job), PurePosixPath(path), from_column(seen), from_column(expires), from_column(at))
        for zgid, job, path, seen, expires, at in rows
    )


def _at(db: sqlite3.Connection, org: str, paths: Collection[PurePosixPath]) -> dict[PurePosixPath, Place]:
    found = {}
    for path in paths:
        rows = db.execute("SELECT * FROM snapshots WHERE path = ? AND org = ?", (str(path), org))
        for row in sound(rows):
            found[path] = Place(JobId(row["zgid"], row["job"]), readable=row["problem"] is None)
    return found


def _ailing(db: sqlite3.Connection, org: str, before: datetime, limit: int) -> tuple[PurePosixPath, ...]:
    rows = db.execute(
        "SELECT path FROM snapshots INDEXED BY snapshots_damaged"
        " WHERE org = ? AND damaged > 0 AND (other > 0 OR problem IS NOT NULL)"
        " AND ifnull(scrubbed_at, '') < ? ORDER BY scrubbed_at LIMIT ?",
        (org, to_column(before), limit),
    )
    return tuple(PurePosixPath(path) for (path,) in rows)


def _longest_unread(db: sqlite3.Connection, org: str, before: datetime, limit: int) -> tuple[LastRead, ...]:
    """Return the files that were last read before then, the longest unread first."""
    rows = db.execute(
        "SELECT path, zgid, job, kind, name, files.size, read_at FROM files INDEXED BY files_by_reading"
        " CROSS JOIN snapshots ON snapshots.id = files.snapshot"
        " WHERE read_at < ? AND unread_at IS NULL AND org = ? AND problem IS NULL ORDER BY read_at LIMIT ?",
        (to_column(before), org, limit),
    )
    return tuple(_last_read(row) for row in rows)


def _unread(db: sqlite3.Connection, org: str, before: datetime) -> tuple[tuple[datetime, int], ...]:
    rows = db.execute(
        "SELECT min(read_at), sum(files.size) FROM files INDEXED BY files_by_reading"
        " CROSS JOIN snapshots ON snapshots.id = files.snapshot"
        " WHERE read_at < ? AND unread_at IS NULL AND org = ? AND problem IS NULL"
        " GROUP BY substr(read_at, 1, 13) ORDER BY 1",
        (to_column(before), org),
    )
    return tuple((from_column(read_at), size) for read_at, size in rows)


def _unreadable(db: sqlite3.Connection, org: str, before: datetime, limit: int) -> tuple[LastRead, ...]:
    rows = db.execute(
        "SELECT path, zgid, job, kind, name, files.size, read_at FROM files INDEXED BY files_unread"
        " CROSS JOIN snapshots ON snapshots.id = files.snapshot"
        " WHERE unread_at < ? AND org = ? AND problem IS NULL AND other = 0 ORDER BY unread_at LIMIT ?",
        (to_column(before), org, limit),
    )
    return tuple(_last_read(row) for row in rows)


def _last_read(row: tuple[str, str, str, str, str, int, str]) -> LastRead:
    path, zgid, job, kind, name, size, read_at = row
    return LastRead(PurePosixPath(path), JobId(zgid, job), FileId(Kind(kind), name), size, from_column(read_at))
