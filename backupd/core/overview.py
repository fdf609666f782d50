"""How things stand: what `status`, the page, /healthz and the metrics tell, as one value, and the rule that judges it.

Gathering it is `survey`'s work. Whoever shows it asks `OrgStatus.judge`, so that all of them say the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import PurePath

from backupd.core.alarms import Alarm
from backupd.core.conditions import Condition, polls_failing
from backupd.core.figures import counted
from backupd.core.listing import MissedJob, OrgTotals, SnapshotRow
from backupd.core.model import FileId, JobId
from backupd.core.pulse import Pulse
from backupd.core.times import to_text

_DANGER = timedelta(days=1)  # links that die sooner are told as a danger
_SILENT = timedelta(hours=36)  # without a good poll; an archive that is fed once a day is not silent
_LATE = timedelta(minutes=15)  # later than a whole poll behind its plan, and the daemon hangs: it plans anew at each
_SILENT_POLLS = 3  # or so many polls, whichever is longer
_THREATS = frozenset(
    {
        Condition.NO_NEW_BACKUP,
        Condition.SCHEDULE_STOPPED,
        Condition.SCHEDULE_FAILED,
        Condition.POLLS_FAILING,
        Condition.ACCESS_REFUSED,
        Condition.DISK_FULL,
    }
)
"""What keeps the next backup from being archived; the other conditions are about what is past."""


class State(StrEnum):
    """The word for an org."""

    PROTECTED = "protected"  # all that the vendor is known to have offered is archived
    UNDER_WAY = "under-way"  # a job is not archived in full yet, and there is time
    IN_DANGER = "in-danger"  # links of an unfinished job die soon, or the next backup would not be archived
    UNPROTECTED = "unprotected"  # there is no snapshot, or the newest job was missed or is damaged

    @property
    def is_safe(self) -> bool:
        """Whether nobody needs to do anything."""
        return self in {State.PROTECTED, State.UNDER_WAY}


@dataclass(frozen=True, slots=True)
class Judgement:
    """How safe an org is, why if it is not protected, and since when it is so."""

    state: State
    reason: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A job that is not archived in full."""

    job: JobId
    first_seen_at: datetime
    expires_at: datetime
    files: int
    missing: tuple[FileId, ...]
    received: int | None  # bytes in staging; None: this user may not look there


@dataclass(frozen=True, slots=True)
class OrgStatus:
    """All that is said of one org."""

    org: str
    configured: bool  # False: it is in the archive, but not in the settings
    newest: SnapshotRow | None
    totals: OrgTotals | None
    under_way: tuple[UnderWay, ...]  # the one whose links die first comes first
    missed: tuple[MissedJob, ...]  # newest first, not all
    next_poll: datetime | None  # None: no daemon runs, or this user may not know
    every: timedelta = timedelta(0)  # between polls, as set
    pulse: Pulse = field(default_factory=Pulse)
    alarms: tuple[Alarm, ...] = ()  # that stand, the oldest first
    all_read_since: datetime | None = None  # every file that can be read was read to its end since then

    def judge(self, now: datetime) -> Judgement:
        """Say how safe the org is."""
        urgent = next((job for job in self.under_way if job.expires_at - now <= _DANGER), None)
        if urgent:
            how = "have expired" if urgent.expires_at <= now else "are about to expire"
            return Judgement(State.IN_DANGER, f"the links of job {urgent.job} {how}", urgent.expires_at - _DANGER)
        newest = self.newest
        if self.missed and (newest is None or self.missed[0].first_seen_at > newest.first_seen_at):
            reason = f"job {self.missed[0].job} was missed, and nothing newer is archived"
            return Judgement(State.UNPROTECTED, reason, self.missed[0].expired_at)
        if not self.under_way and newest is None:
            return Judgement(State.UNPROTECTED, "nothing is archived yet")
        if not self.under_way and newest is not None and (newest.problem is not None or newest.damaged):
            return Judgement(State.UNPROTECTED, "the newest snapshot is damaged", newest.scrubbed_at)
        if not self.under_way and newest is not None and newest.missing:
            reason = f"the newest snapshot is partial: {counted(newest.missing, 'file')} could not be had"
            return Judgement(State.UNPROTECTED, reason, newest.archived_at)
        threat = next(self._threats(now), None) if self.configured else None
        if threat:
            return threat
        if self.under_way:
            job = self.under_way[0]
            return Judgement(State.UNDER_WAY, f"job {job.job} is not archived in full yet", job.first_seen_at)
        return Judgement(State.PROTECTED, since=newest.archived_at if newest else None)

    @property
    def next_expiry(self) -> datetime | None:
        """When the first links die that are not archived yet."""
        return self.under_way[0].expires_at if self.under_way else None

    @property
    def last_verified_at(self) -> datetime | None:
        """When the newest snapshot was last read and found whole or not: again, or on its way in."""
        return (self.newest.scrubbed_at or self.newest.archived_at) if self.newest else None

    def _threats(self, now: datetime) -> Iterator[Judgement]:
        failing = polls_failing(self.pulse.failing_since, now=now)
        if failing:
            yield Judgement(State.IN_DANGER, failing.text, self.pulse.failing_since)
        last = self.pulse.last_success_at
        if last is not None and now - last > max(_SILENT, _SILENT_POLLS * self.every):
            yield Judgement(State.IN_DANGER, f"no poll has succeeded since {to_text(last)}", last)
        if self.next_poll is not None and now - self.next_poll > self.every + _LATE:
            reason = f"the daemon hangs: it has planned no poll since that of {to_text(self.next_poll)}"
            yield Judgement(State.IN_DANGER, reason, self.next_poll)
        for alarm in self.alarms:
            if alarm.stands and alarm.finding.condition in _THREATS:
                yield Judgement(State.IN_DANGER, alarm.finding.text, alarm.raised_at)


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything that is told."""

    now: datetime
    root: PurePath
    snapshots: int
    files: int
    size: int  # bytes
    free: int  # bytes
    every: timedelta  # between polls, as set
    daemon: int | None  # its process id; None: none runs, or this user may not know
    orgs: tuple[OrgStatus, ...]  # those of the settings first

    @property
    def is_healthy(self) -> bool:
        """Whether every org of the settings is safe."""
        return all(org.judge(self.now).state.is_safe for org in self.orgs if org.configured)
