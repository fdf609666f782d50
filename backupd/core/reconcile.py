"""The vendor's history against the archive: what became of each run that the vendor says it made.

History and jobs share no id, so they are matched by time: nearest first within the tolerance of `core.times`, then, for
links with an unusual life, the latest run before the links were first seen, within a day. A job has at most one run and
a run at most one job. Does not fetch the history and tells nobody.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import PurePosixPath

from backupd.core.model import HistoryEntry, JobId, Taken, TakenBasis
from backupd.core.times import LINK_LIFE, TOLERANCE, completed_at, completion_expected

_NEAR_ENOUGH = timedelta(days=1)  # runs are further apart than that, but for those made by hand
_GRACE = timedelta(days=1)  # the vendor may show links a while after its history tells of the run


class Verdict(StrEnum):
    """What became of one entry of the history, or of a job that the history does not tell of."""

    ARCHIVED = "archived"
    DROPPED = "dropped"  # it was archived, and a rule let it go since
    MISSED = "missed"  # its links expired
    SUPERSEDED = "superseded"  # a newer run hid its links before we saw them
    OBTAINABLE = "obtainable"  # its links still live
    NOT_DUE = "not_due"  # too new to be judged
    BEFORE = "before"  # its links were gone when this archive began
    FAILED = "failed"  # at the vendor
    UNDATED = "undated"  # completed, but the vendor does not say when
    NO_RUN = "no_run"  # an order, a purchase, or what we do not know


_GAPS = frozenset({Verdict.MISSED, Verdict.SUPERSEDED})


@dataclass(frozen=True, slots=True)
class KnownJob:
    """A job whose links were seen at some time."""

    job: JobId
    first_seen_at: datetime
    expires_at: datetime
    taken: Taken | None = None  # as its manifest says
    path: PurePosixPath | None = None  # of its snapshot; None: nothing is archived
    whole: bool = False  # every file that was ever linked is archived, or was until a rule let the snapshot go


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the answer: an entry of the history, a job, or both."""

    verdict: Verdict
    at: datetime | None  # when the run was completed or failed, as far as anybody says
    entry: HistoryEntry | None
    job: KnownJob | None

    @property
    def is_gap(self) -> bool:
        """Whether the archive lacks a run that it should hold."""
        return self.verdict in _GAPS


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Every entry of the history once, and every job that it does not tell of; newest first, undated last."""

    rows: tuple[Row, ...]

    @property
    def gaps(self) -> tuple[Row, ...]:
        """What the archive lacks."""
        return tuple(row for row in self.rows if row.is_gap)

    @property
    def failures(self) -> tuple[Row, ...]:
        """What failed at the vendor."""
        return tuple(row for row in self.rows if row.verdict is Verdict.FAILED)


def reconcile(
    history: Iterable[HistoryEntry], jobs: Iterable[KnownJob], *, since: datetime, now: datetime
) -> Reconciled:
    """Say of each run what became of it. `since`: when this archive began; what was gone by then is no gap.

    Entries may come in any order and twice: of one id the last counts, and what happened in the same instant, once.
    """
    entries = _distinct(history)
    runs = sorted((at, index) for index, entry in enumerate(entries) if (at := completed_at(entry)) is not None)
    known = sorted(set(jobs), key=lambda each: (each.first_seen_at, each.job))
    matched = _match([at for at, _ in runs], known)
    rows = [Row(_without_run(entry), entry.at, entry, None) for entry in entries if completed_at(entry) is None]
    for number, (at, index) in enumerate(runs):
        job = matched.get(number)
        following = runs[number + 1][0] if number + 1 < len(runs) else None
        verdict = _of_job(job, now) if job else _of_unseen(at, following, since, now)
        rows.append(Row(verdict, at, entries[index], job))
    told = set(matched.values())
    rows.extend(Row(_of_job(job, now), _about(job), None, job) for job in known if job not in told)
    return Reconciled(tuple(sorted(rows, key=_newest_first)))


def _distinct(history: Iterable[HistoryEntry]) -> tuple[HistoryEntry, ...]:
    by_id = {entry.id: entry for entry in history}
    return tuple({(entry.at or entry.id, entry.state, entry.action): entry for entry in by_id.values()}.values())


def _match(runs: Sequence[datetime], jobs: Sequence[KnownJob]) -> dict[int, KnownJob]:
    """Give each run (by its number; they are in rising order) the job that came of it."""
    matched: dict[int, KnownJob] = {}
    open_jobs = dict(enumerate(jobs))
    for _, number, which in sorted(_close(runs, jobs)):
        if number not in matched and which in open_jobs:
            matched[number] = open_jobs.pop(which)
    for job in open_jobs.values():
        latest = bisect_right(runs, job.first_seen_at + TOLERANCE) - 1  # only the latest run's links are ever shown
        if latest >= 0 and latest not in matched and abs(runs[latest] - _about(job)) <= _NEAR_ENOUGH:
            matched[latest] = job
    return matched


def _close(runs: Sequence[datetime], jobs: Sequence[KnownJob]) -> Iterator[tuple[timedelta, int, int]]:
    """Yield each run and job that are within the tolerance: how far apart, and the numbers of both."""
    for which, job in enumerate(jobs):
        expected = _about(job)
        first = bisect_left(runs, expected - TOLERANCE)
        for number in range(first, bisect_right(runs, expected + TOLERANCE)):
            yield abs(runs[number] - expected), number, which


def _about(job: KnownJob) -> datetime:
    """Say when the job's backup was completed, as well as is known."""
    if job.taken is not None and job.taken.basis is TakenBasis.HISTORY:
        return job.taken.at
    return min(completion_expected(job.expires_at), job.first_seen_at)


def _of_job(job: KnownJob, now: datetime) -> Verdict:
    if job.whole:
        return Verdict.DROPPED if job.path is None else Verdict.ARCHIVED
    return Verdict.OBTAINABLE if job.expires_at > now else Verdict.MISSED


def _of_unseen(at: datetime, following: datetime | None, since: datetime, now: datetime) -> Verdict:
    """Judge a run whose links we never saw; `following` is when the next one was completed."""
    gone = at + LINK_LIFE if following is None else min(at + LINK_LIFE, following)
    if gone <= since:
        return Verdict.BEFORE
    if gone <= now:
        return Verdict.SUPERSEDED if gone == following else Verdict.MISSED
    return Verdict.NOT_DUE if now - at < _GRACE else Verdict.OBTAINABLE


def _without_run(entry: HistoryEntry) -> Verdict:
    match entry.state:
        case "completed":
            return Verdict.UNDATED
        case "failure":
            return Verdict.FAILED
        case _:
            return Verdict.NO_RUN


def _newest_first(row: Row) -> tuple[bool, float, str, str]:
    entry, job = row.entry.id if row.entry else "", str(row.job.job) if row.job else ""
    return row.at is None, -row.at.timestamp() if row.at else 0.0, entry, job
