"""How safe an org is, judged from what is archived, under way and missed: a pure rule, for `status`."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from backupd.catalog import MissedJob, OrgTotals, SnapshotRow
from backupd.core.model import FileId, JobId

_DANGER = timedelta(days=1)  # links that die sooner are told as a danger


class State(StrEnum):
    """The word for an org."""

    PROTECTED = "protected"  # all that the vendor is known to have offered is archived
    UNDER_WAY = "under-way"  # a job is not archived in full yet, and there is time
    IN_DANGER = "in-danger"  # a job is not archived in full yet, and its links die soon
    UNPROTECTED = "unprotected"  # there is no snapshot, or the newest job was missed


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A job that is not archived in full."""

    job: JobId
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
    under_way: tuple[UnderWay, ...]
    missed: tuple[MissedJob, ...]  # newest first
    next_poll: datetime | None  # None: no daemon runs, or this user may not know

    def judge(self, now: datetime) -> tuple[State, str]:
        """Say how safe the org is, and why if it is not."""
        urgent = [job for job in self.under_way if job.expires_at - now <= _DANGER]
        if urgent:
            how = "have expired" if urgent[0].expires_at <= now else "are about to expire"
            return State.IN_DANGER, f"the links of job {urgent[0].job} {how}"
        if self.missed and (self.newest is None or self.missed[0].first_seen_at > self.newest.first_seen_at):
            return State.UNPROTECTED, f"job {self.missed[0].job} was missed, and nothing newer is archived"
        if self.under_way:
            return State.UNDER_WAY, f"job {self.under_way[0].job} is not archived in full yet"
        if self.newest is None:
            return State.UNPROTECTED, "nothing is archived yet"
        if self.newest.problem is not None or self.newest.damaged:
            return State.UNPROTECTED, "the newest snapshot is damaged"
        return State.PROTECTED, ""
