"""What can be wrong with an org for longer than a moment: each condition as a finding, out of what was observed.

One finding a condition, or one for each job where it is about jobs. Says neither what to tell nor when (`core.alarms`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from backupd.core.errors import AccessRefused, ArchiveFull, BackupdError, JobMissed, VendorUnavailable
from backupd.core.expectation import longest_gap
from backupd.core.figures import counted
from backupd.core.model import JobId, Schedule
from backupd.core.reconcile import Row, Verdict
from backupd.core.times import to_text

_FAILING_LONG = timedelta(hours=6)
_UNREAD_LONG = timedelta(days=3)  # the history is read daily
_STOPPED = frozenset({"STOPPED", "CANCELLED", "CANCELED", "PAUSED", "SUSPENDED", "DISABLED", "EXPIRED"})
_ENDED = "FINISHED"  # of a backup made once, that is as it should be


class Condition(StrEnum):
    """What can be wrong."""

    NO_NEW_BACKUP = "no_new_backup"
    SCHEDULE_STOPPED = "schedule_stopped"
    SCHEDULE_FAILED = "schedule_failed"
    POLLS_FAILING = "polls_failing"
    ACCESS_REFUSED = "access_refused"
    DAMAGED = "damaged"
    JOB_MISSED = "job_missed"
    RUN_LOST = "run_lost"
    DISK_FULL = "disk_full"
    NOT_RECONCILED = "not_reconciled"


_ADVICE: Mapping[str, str] = {
    Condition.NO_NEW_BACKUP: "Look at the schedule at the vendor; `poll.expect_every` says what is expected.",
    Condition.SCHEDULE_STOPPED: "Schedule a backup at the vendor, or nothing new will come.",
    Condition.SCHEDULE_FAILED: "Look at the schedule at the vendor, and at what was paid for.",
    Condition.POLLS_FAILING: "The log says why, poll by poll.",
    Condition.ACCESS_REFUSED: AccessRefused.advice,
    Condition.DAMAGED: "`backupd verify` says what is damaged.",
    Condition.JOB_MISSED: JobMissed.advice,
    Condition.RUN_LOST: "Poll more often than the vendor makes backups; `backupd alarms acknowledge KEY` ends this.",
    Condition.DISK_FULL: ArchiveFull.advice,
    Condition.NOT_RECONCILED: VendorUnavailable.advice,
}


def advice(condition: str) -> str:
    """Say what a person can do; nothing where the condition is a newer version's."""
    return _ADVICE.get(condition, "")


@dataclass(frozen=True, slots=True)
class Finding:
    """A condition that is there now."""

    key: str  # one alarm
    condition: str  # a Condition, or one that a newer version wrote into the journal
    text: str  # for people
    extent: int = 1  # when it grows, that is told at once
    stays: bool = False  # True: the alarm stays until it is acknowledged, even when this is found no more


def no_new_backup(
    last_at: datetime, schedule: Schedule | None, *, expect_every: timedelta | None, now: datetime
) -> Finding | None:
    """Find that no new job came for longer than `expect_every`, or, without it, than the schedule suggests.

    `last_at`: when the newest job was first seen, or when this archive began.
    """
    expected = expect_every or longest_gap(schedule.rrule if schedule else None)
    if expected is None or now - last_at <= expected:
        return None
    text = f"no new backup since {to_text(last_at)}; one was expected within {_days(expected)}"
    return _single(Condition.NO_NEW_BACKUP, text)


def schedule_ended(schedule: Schedule | None) -> Finding | None:
    """Find that the vendor will make no more backups, or says that its schedule failed; unknown words are no news."""
    if schedule is None:
        return _single(Condition.SCHEDULE_STOPPED, "nothing is scheduled at the vendor")
    status = schedule.status.strip().upper()
    if "FAIL" in status:  # FAILED, PAYMENT_FAILED, and what may yet come
        return _single(Condition.SCHEDULE_FAILED, f"the vendor's schedule has the status {status}")
    if status in _STOPPED or (status == _ENDED and schedule.rrule is not None):
        return _single(Condition.SCHEDULE_STOPPED, f"the vendor's schedule has the status {status}")
    return None


def polls_failing(since: datetime | None, *, now: datetime, limit: timedelta = _FAILING_LONG) -> Finding | None:
    """Find that every poll failed for longer than `limit`; `since` is the first failure after the last good poll."""
    if since is None or now - since <= limit:
        return None
    return _single(Condition.POLLS_FAILING, f"every poll since {to_text(since)} failed")


def access_refused(problems: Iterable[BackupdError]) -> Finding | None:
    """Find that the vendor refused our credentials, their scope or the user's role."""
    refused = next((problem for problem in problems if isinstance(problem, AccessRefused)), None)
    return _single(Condition.ACCESS_REFUSED, str(refused)) if refused else None


def disk_full(problems: Iterable[BackupdError]) -> Finding | None:
    """Find that the archive has not enough room."""
    full = next((problem for problem in problems if isinstance(problem, ArchiveFull)), None)
    return _single(Condition.DISK_FULL, str(full)) if full else None


def not_reconciled(last_at: datetime, *, now: datetime) -> Finding | None:
    """Find that the vendor's history, which tells of runs that nobody saw, could not be read for days."""
    if now - last_at <= _UNREAD_LONG:
        return None
    return _single(Condition.NOT_RECONCILED, f"the vendor's history was not read since {to_text(last_at)}")


def damaged(job: JobId, *, files: int, links_live: bool, curable: bool = True) -> Finding:
    """Find damage in a published snapshot; where no link lives that could heal it, a person must know of it.

    Not `curable`: it is not only files that could be fetched again.
    """
    if not curable:
        hope = "no download mends all of that: restore it from a copy"
    elif links_live:
        hope = "its links still live, so it is fetched again"
    else:
        hope = "its links are gone: restore it from a copy"
    text = f"of job {job} {counted(files, 'file')} cannot be relied on (damaged, missing or unreadable); {hope}"
    stays = not (links_live and curable)
    return Finding(f"{Condition.DAMAGED}/{job}", Condition.DAMAGED, text, extent=files, stays=stays)


def job_missed(job: JobId, *, files: int, saved: int, expired_at: datetime) -> Finding:
    """Find that a job's links expired before it was whole."""
    text = f"the links of job {job} expired at {to_text(expired_at)}; {files - saved} of {files} files are not archived"
    return Finding(job_missed_key(job), Condition.JOB_MISSED, text, stays=True)


def job_missed_key(job: JobId) -> str:
    """Return the key of the alarm about a missed job."""
    return f"{Condition.JOB_MISSED}/{job}"


def runs_lost(rows: Iterable[Row]) -> tuple[Finding, ...]:
    """Find the runs whose links nobody here ever saw; jobs that were seen and missed have findings of their own."""
    return tuple(_lost(row) for row in rows if row.is_gap and row.job is None)


def run_lost_key(row: Row) -> str:
    """Return the key of the alarm about a lost run: by the vendor's entry, else by its time."""
    name = row.entry.id if row.entry else to_text(row.at) if row.at else "unknown"
    return f"{Condition.RUN_LOST}/{name.encode('ascii', 'backslashreplace').decode()}"


def _lost(row: Row) -> Finding:
    when = to_text(row.at) if row.at else "an unknown time"
    how = "a newer one hid its links" if row.verdict is Verdict.SUPERSEDED else "its links expired unseen"
    text = f"the backup that the vendor made at {when} is not archived: {how}"
    return Finding(run_lost_key(row), Condition.RUN_LOST, text, stays=True)


def _single(condition: Condition, text: str) -> Finding:
    return Finding(str(condition), condition, text)


def _days(duration: timedelta) -> str:
    return f"{duration.total_seconds() / 86400:.3g} days"
