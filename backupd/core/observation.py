"""What one cycle saw of an org, and what is wrong by it: findings, and the conditions that could be judged at all.

What could not be seen is neither found nor over: a vendor that does not answer says nothing about its schedule. Does
not decide what to tell (`core.alarms`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from backupd.core.alarms import Alarms
from backupd.core.conditions import (
    Condition,
    Finding,
    access_refused,
    damaged,
    disk_full,
    job_missed,
    no_new_backup,
    not_reconciled,
    polls_failing,
    run_lost_key,
    schedule_ended,
)
from backupd.core.errors import AccessRefused, ArchiveError, BackupdError, JobIncomplete
from backupd.core.listing import MissedJob
from backupd.core.model import Schedule
from backupd.core.reconcile import Reconciled
from backupd.core.records import DamagedJob

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the vendor answered in this cycle."""

    schedule: Schedule | None = None
    schedule_known: bool = False  # False: it did not say
    links_known: bool = False


@dataclass(frozen=True, slots=True)
class Observation:
    """An org as one cycle saw it."""

    asked: Asked
    problems: tuple[BackupdError, ...]
    last_new_at: datetime  # when the newest job was first seen, or when this archive began
    failing_since: datetime | None  # the first cycle that failed after the last good one
    reconciled_at: datetime  # when the history was last read, or when this archive began
    missed: tuple[MissedJob, ...]  # that were never told as an alarm
    damaged: tuple[DamagedJob, ...]
    lost: tuple[Finding, ...]  # runs that nobody saw, and of which no alarm was ever raised


@dataclass(frozen=True, slots=True)
class Judged:
    """What is wrong, and of which conditions that is the whole truth."""

    findings: tuple[Finding, ...]
    looked: frozenset[str]


def is_due(last: datetime, now: datetime) -> bool:
    """Say whether the history is to be read again: once a day; a clock that was set back does not stop it."""
    return not last <= now < last + _DAY


def judge_observation(seen: Observation, *, expect_every: timedelta | None, now: datetime) -> Judged:
    """Find what is wrong. Jobs and runs that are lost are found once: their alarms stay until someone acknowledges."""
    asked = seen.asked
    found = [
        polls_failing(seen.failing_since, now=now),
        access_refused(seen.problems),
        disk_full(seen.problems),
        not_reconciled(seen.reconciled_at, now=now),
        schedule_ended(asked.schedule) if asked.schedule_known else None,
        no_new_backup(seen.last_new_at, asked.schedule, expect_every=expect_every, now=now)
        if asked.links_known
        else None,
    ]
    missed = [job_missed(job.job, files=job.files, saved=job.saved, expired_at=job.expired_at) for job in seen.missed]
    ruined = damage_found(seen.damaged, now)
    looked = frozenset(str(condition) for condition in _looked(seen, expect_every))
    return Judged((*(finding for finding in found if finding), *missed, *seen.lost, *ruined), looked)


def damage_found(jobs: Iterable[DamagedJob], now: datetime) -> tuple[Finding, ...]:
    """Find which snapshots are damaged."""
    return tuple(
        damaged(job.job, files=job.files, links_live=job.expires_at > now, curable=job.curable) for job in jobs
    )


def no_longer_lost(alarms: Alarms, runs: Reconciled | None) -> frozenset[str]:
    """Return the keys of alarms about lost runs which turn out not to be lost."""
    if runs is None:
        return frozenset()
    return frozenset(run_lost_key(row) for row in runs.rows if not row.is_gap) & alarms.keys()


def _looked(seen: Observation, expect_every: timedelta | None) -> Iterable[Condition]:
    asked, problems = seen.asked, seen.problems
    yield from (Condition.POLLS_FAILING, Condition.NOT_RECONCILED)
    yield from (Condition.JOB_MISSED, Condition.RUN_LOST, Condition.DAMAGED)
    incomplete = _any(problems, JobIncomplete)
    if asked.schedule_known:
        yield from (Condition.SCHEDULE_STOPPED, Condition.SCHEDULE_FAILED)
        if asked.links_known and not incomplete and not _any(problems, AccessRefused):
            yield Condition.ACCESS_REFUSED
    if asked.links_known and (expect_every or asked.schedule_known):
        yield Condition.NO_NEW_BACKUP
    if not incomplete and not _any(problems, ArchiveError):
        yield Condition.DISK_FULL


def _any(problems: Iterable[BackupdError], kind: type[BackupdError]) -> bool:
    return any(isinstance(problem, kind) for problem in problems)
