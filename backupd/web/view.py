"""One org as its card shows it: the facts, joined with what moves at this moment."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from backupd.core.alarms import Alarm
from backupd.core.deadlines import Growing, Outlook, outlook
from backupd.core.model import FileId
from backupd.core.overview import Judgement, OrgStatus, State, UnderWay
from backupd.web.feed import Feed, Transfer

_FILES_SHOWN = 12  # of one job; the others wait, and are counted


@dataclass(frozen=True, slots=True)
class FileView:
    """A file that is not whole yet."""

    key: str  # by which messages about its progress find it
    file: FileId
    transfer: Transfer | None  # None: it waits for its turn


@dataclass(frozen=True, slots=True)
class JobView:
    """A job that is not archived in full."""

    job: UnderWay
    files: tuple[FileView, ...]
    waiting: int  # files that are not shown
    outlook: Outlook

    @property
    def whole(self) -> int:
        """How many files are complete."""
        return self.job.files - len(self.job.missing)


@dataclass(frozen=True, slots=True)
class OrgView:
    """An org, judged."""

    status: OrgStatus
    judgement: Judgement
    jobs: tuple[JobView, ...]
    polling: bool  # its cycle runs now
    alarms: tuple[Alarm, ...]  # that stand, the newest first

    @property
    def mood(self) -> str:
        """How it looks: good, busy or bad."""
        return {State.PROTECTED: "good", State.UNDER_WAY: "busy"}.get(self.judgement.state, "bad")

    @property
    def urgency(self) -> int:
        """Where it stands among others: what needs somebody comes first."""
        return (State.UNPROTECTED, State.IN_DANGER, State.UNDER_WAY, State.PROTECTED).index(self.judgement.state)


def view(org: OrgStatus, now: datetime, feed: Feed) -> OrgView:
    """Join what is known of an org with what moves now."""
    jobs = tuple(_job(org.org, job, now, feed) for job in org.under_way)
    alarms = sorted((alarm for alarm in org.alarms if alarm.stands), key=lambda alarm: alarm.raised_at, reverse=True)
    return OrgView(org, org.judge(now), jobs, org.org in feed.running, tuple(alarms))


def _job(org: str, job: UnderWay, now: datetime, feed: Feed) -> JobView:
    files = sorted(_files(org, job, feed), key=lambda file: file.transfer is None)
    transfers = [file.transfer or Transfer() for file in files]
    growing = [Growing(transfer.received, transfer.total) for transfer in transfers]
    rate = sum(transfer.rate for transfer in transfers)
    prospect = outlook(growing, rate=rate, expires_at=job.expires_at, now=now)
    return JobView(job, tuple(files[:_FILES_SHOWN]), max(0, len(files) - _FILES_SHOWN), prospect)


def _files(org: str, job: UnderWay, feed: Feed) -> Iterator[FileView]:
    for file in job.missing:
        key = (org, job.job.job, str(file))
        yield FileView("/".join(key), file, feed.transfers.get(key))
