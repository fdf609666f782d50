"""What the watch over an org asks of the catalog, and how its facts become rows: alarms, deadlines, what is overdue."""

import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Protocol, TypeVar

from backupd.catalog.schema import from_column, to_column
from backupd.catalog.sealing import sound, sound_org
from backupd.core.alarms import Alarm, after
from backupd.core.conditions import Condition, Finding
from backupd.core.deadlines import Told
from backupd.core.facts import AlarmAcknowledged, AlarmCleared, AlarmRaised, AlarmTold, DeadlineTold, HistoryRead
from backupd.core.listing import MissedJob
from backupd.core.model import JobId, Taken, TakenBasis
from backupd.core.reconcile import KnownJob
from backupd.core.records import Chronicle, DamagedJob, JournalLine

WatchFact = AlarmRaised | AlarmTold | AlarmCleared | AlarmAcknowledged | DeadlineTold | HistoryRead

_ALARM = "key, condition, text, extent, stays, raised_at, told_at, unsteady, acknowledged, cleared_at"
_KNOWN = (  # every job once: with its snapshot if it has one, and without it else; then snapshots no journal tells of
    "SELECT jobs.zgid, jobs.job, jobs.first_seen_at, max(jobs.expires_at, ifnull(snapshots.expires_at, '')), path,"
    " taken_at, taken_basis, jobs.open = 0 AND jobs.missed_at IS NULL AND ifnull(missing, 0) = 0"
    " FROM jobs LEFT JOIN snapshots USING (org, zgid, job)"
    " WHERE jobs.org = :org AND jobs.first_seen_at >= :since"
    " UNION ALL "
    "SELECT zgid, job, first_seen_at, expires_at, path, taken_at, taken_basis, missing = 0 FROM snapshots"
    " WHERE org = :org AND first_seen_at >= :since AND NOT EXISTS (SELECT 1 FROM jobs"
    "  WHERE jobs.org = snapshots.org AND jobs.zgid = snapshots.zgid AND jobs.job = snapshots.job)"
)

_T = TypeVar("_T")


class _Ask(Protocol):
    """Do work in one transaction of the catalog."""

    def __call__(self, question: Callable[[sqlite3.Connection], _T], /) -> Awaitable[_T]: ...


@dataclass(frozen=True, slots=True)
class Watched:
    """Answers for the watch. Every method raises ArchiveError."""

    ask: _Ask

    async def chronicle(self, org: str) -> Chronicle:
        """Return the times that tell whether something is overdue."""
        return await self.ask(lambda db: _chronicle(db, org))

    async def alarms(self, org: str) -> dict[str, Alarm]:
        """Return the alarms that stand, the oldest first."""
        return await self.ask(lambda db: _alarms(db, org))

    async def alarmed(self, org: str, condition: str) -> frozenset[str]:
        """Return the keys of all alarms of this condition that were ever raised."""
        query = "SELECT key FROM alarms WHERE org = ? AND condition = ?"
        return await self.ask(lambda db: frozenset(key for (key,) in db.execute(query, (org, condition))))

    async def missed_untold(self, org: str) -> tuple[MissedJob, ...]:
        """Return the jobs that were given up, and of which no alarm was raised since."""
        return await self.ask(lambda db: _missed_untold(db, org))

    async def damaged(self, org: str) -> tuple[DamagedJob, ...]:
        """Return the snapshots that were found damaged."""
        return await self.ask(lambda db: _damaged(db, org))

    async def known_jobs(self, org: str, *, since: datetime | None = None) -> tuple[KnownJob, ...]:
        """Return every job that was ever seen or archived, or was first seen since then, with what became of it."""
        values = {"org": org, "since": "" if since is None else to_column(since)}
        return await self.ask(lambda db: tuple(_known(row) for row in db.execute(_KNOWN, values)))


def put_fact(db: sqlite3.Connection, org: str, fact: WatchFact, at: datetime) -> None:
    """Take in one fact of the watch."""
    match fact:
        case DeadlineTold(job, expires_at, step):
            db.execute(
                "UPDATE jobs SET told_expires_at = ?, told_step = ? WHERE org = ? AND zgid = ? AND job = ?",
                (to_column(expires_at), step, org, job.zgid, job.job),
            )
        case HistoryRead():
            db.execute("UPDATE orgs SET reconciled_at = ? WHERE org = ?", (to_column(at), org))
        case _:
            _put_alarm(db, org, fact, at)


def put_beginning(db: sqlite3.Connection, org: str, line: JournalLine) -> None:
    """Take note of when the journal begins: the first line that can be read says it."""
    if line.problem is None:
        db.execute("UPDATE orgs SET began_at = ? WHERE org = ? AND began_at IS NULL", (to_column(line.at), org))


def told_of(step: int | None, expires_at: str | None) -> Told | None:
    """Read which step of a deadline was told last."""
    return None if step is None or expires_at is None else Told(from_column(expires_at), timedelta(seconds=step))


def _put_alarm(
    db: sqlite3.Connection,
    org: str,
    fact: AlarmRaised | AlarmTold | AlarmCleared | AlarmAcknowledged,
    at: datetime,
) -> None:
    query = f"SELECT {_ALARM} FROM alarms WHERE org = ? AND key = ?"  # noqa: S608  the names are our own
    known = {row[0]: _alarm(row) for row in db.execute(query, (org, _storable(fact.key)))}
    for key, alarm in after(known, [(at, fact)]).items():
        finding, cleared = alarm.finding, alarm.cleared_at
        db.execute(
            f"INSERT OR REPLACE INTO alarms (org, {_ALARM}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
            (
                org,
                _storable(key),
                _storable(finding.condition),
                _storable(finding.text),
                finding.extent,
                finding.stays,
                to_column(alarm.raised_at),
                to_column(alarm.told_at),
                alarm.unsteady,
                alarm.acknowledged,
                None if cleared is None else to_column(cleared),
            ),
        )


def _storable(text: str) -> str:
    """Keep half a surrogate pair, which JSON can hold, out of a column, which cannot."""
    return text.encode(errors="backslashreplace").decode()


def _chronicle(db: sqlite3.Connection, org: str) -> Chronicle:
    known = sound_org(db, org) or {"began_at": None, "reconciled_at": None}
    newest = "SELECT max(first_seen_at) FROM jobs INDEXED BY jobs_by_first_sight WHERE org = :org"
    seen = db.execute(newest, {"org": org}).fetchone()[0]
    if seen is None:  # the journal was lost: what the newest snapshot says
        newest = "SELECT first_seen_at FROM snapshots WHERE org = ? ORDER BY taken_at DESC LIMIT 1"
        seen = (db.execute(newest, (org,)).fetchone() or (None,))[0]
    columns = (known["began_at"], known["reconciled_at"], seen)
    times = [None if column is None else from_column(column) for column in columns]
    return Chronicle(*times)


def _alarms(db: sqlite3.Connection, org: str) -> dict[str, Alarm]:
    sound_org(db, org)
    query = (
        f"SELECT {_ALARM} FROM alarms INDEXED BY alarms_standing"  # noqa: S608  the names are our own
        " WHERE org = ? AND cleared_at IS NULL ORDER BY raised_at, key"
    )
    return {row[0]: _alarm(row) for row in db.execute(query, (org,))}


def _alarm(row: tuple[str, str, str, int, int, str, str, int, int, str | None]) -> Alarm:
    key, condition, text, extent, stays, raised_at, told_at, unsteady, acknowledged, cleared_at = row
    return Alarm(
        Finding(key, condition, text, extent, bool(stays)),
        from_column(raised_at),
        from_column(told_at),
        unsteady=bool(unsteady),
        acknowledged=bool(acknowledged),
        cleared_at=None if cleared_at is None else from_column(cleared_at),
    )


def _missed_untold(db: sqlite3.Connection, org: str) -> tuple[MissedJob, ...]:
    sound_org(db, org)
    rows = db.execute(
        "SELECT zgid, job, first_seen_at, missed_at, missed_files, missed_saved FROM jobs INDEXED BY jobs_missed"
        " WHERE org = :org AND missed_at IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM alarms"
        "  WHERE alarms.org = :org AND alarms.key = :prefix || jobs.job AND alarms.raised_at >= jobs.missed_at)"
        " ORDER BY missed_at",
        {"org": org, "prefix": f"{Condition.JOB_MISSED}/"},
    )
    return tuple(
        MissedJob(org, JobId(zgid, job), from_column(seen), from_column(missed), files, saved)
        for zgid, job, seen, missed, files, saved in rows
    )


def _damaged(db: sqlite3.Connection, org: str) -> tuple[DamagedJob, ...]:
    sound_org(db, org)
    query = "SELECT * FROM snapshots INDEXED BY snapshots_damaged WHERE org = ? AND damaged > 0 ORDER BY taken_at"
    return tuple(
        DamagedJob(
            JobId(row["zgid"], row["job"]),
            row["damaged"],
            from_column(row["expires_at"]),
            curable=row["other"] == 0 and row["problem"] is None,
        )
        for row in sound(db.execute(query, (org,)))
    )


def _known(row: tuple[str, str, str, str, str | None, str | None, str | None, int]) -> KnownJob:
    zgid, job, seen, expires, path, taken_at, basis, whole = row
    taken = None if taken_at is None or basis is None else Taken(from_column(taken_at), TakenBasis(basis))
    there = None if path is None else PurePosixPath(path)
    return KnownJob(JobId(zgid, job), from_column(seen), from_column(expires), taken, there, whole=bool(whole))
