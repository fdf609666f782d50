"""How things stand, made up for the page: orgs in every state, and an archive with a year behind it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import PurePosixPath

from backupd.catalog.schema import to_column
from backupd.core.alarms import Alarm
from backupd.core.conditions import Finding
from backupd.core.errors import ArchiveError, RecordDamaged, UsageError
from backupd.core.listing import FileRow, MissedJob, OrgTotals, SnapshotRow
from backupd.core.manifest import Manifest, ManifestFile
from backupd.core.model import Checked, FileId, HistoryEntry, JobId, Kind, Received, TakenBasis
from backupd.core.overview import OrgStatus, Overview, UnderWay
from backupd.core.pulse import Pulse
from backupd.core.reconcile import KnownJob, Reconciled, reconcile
from backupd.core.times import LINK_LIFE
from tests.fakes.clock import START

ZGID = "757345985"
_EVERY = timedelta(days=14)
_FILES = (
    FileId(Kind.DATA, "Data_001.zip"),
    FileId(Kind.DATA, "Data_002.zip"),
    FileId(Kind.ATTACHMENTS, "Attachments_001.zip"),
)


class FakeFacts:
    """Facts about these orgs; `broken` makes every question fail."""

    def __init__(self, *orgs: OrgStatus, now: datetime = START) -> None:
        self.now = now
        self.orgs = orgs
        self.broken: ArchiveError | None = None
        self.asked = 0

    async def overview(self) -> Overview:
        self.asked += 1
        if self.broken:
            raise self.broken
        totals = [org.totals for org in self.orgs if org.totals]
        return Overview(
            now=self.now,
            root=PurePosixPath("/srv/backups"),
            snapshots=sum(each.snapshots for each in totals),
            files=sum(each.files for each in totals),
            size=sum(each.size for each in totals),
            free=812_000_000_000,
            every=timedelta(minutes=30),
            daemon=4711,
            orgs=self.orgs,
        )

    async def runs(self, org: str, *, since: datetime) -> Reconciled:
        rows = [row for row in archived(org, self.now) if row.taken.at >= since]
        known = [
            KnownJob(row.job, row.first_seen_at, row.taken_at + LINK_LIFE, row.taken, row.path, whole=True)
            for row in rows
        ]
        status = next(each for each in self.orgs if each.org == org)
        known += [KnownJob(job.job, job.first_seen_at, job.expired_at) for job in status.missed]
        known += [KnownJob(job.job, job.first_seen_at, job.expires_at) for job in status.under_way]
        failed = HistoryEntry("h1", self.now - timedelta(days=66), "failure", "scheduled")
        return reconcile([failed], known, since=self.now - timedelta(days=400), now=self.now)

    async def snapshots(self, org: str, *, limit: int, after: str = "") -> tuple[SnapshotRow, ...]:
        rows = archived(org, self.now) if any(each.org == org and each.newest for each in self.orgs) else ()
        start = next((number + 1 for number, row in enumerate(rows) if str(row.path) == after), 0)
        return rows[start : start + limit]

    async def snapshot(self, path: str) -> tuple[SnapshotRow, tuple[FileRow, ...], Manifest | RecordDamaged]:
        for org in self.orgs:
            for row in archived(org.org, self.now):
                if str(row.path) == path:
                    record = manifest(row)
                    return row, tuple(_file_row(entry) for entry in record.files), record
        raise UsageError(f"there is no snapshot {path!r}")


def archived(org: str, now: datetime, *, count: int = 30) -> tuple[SnapshotRow, ...]:
    """Give snapshots every fortnight, newest first, growing with the years."""
    rows = []
    for number in range(count):
        taken_at = (now - timedelta(days=2) - _EVERY * number).astimezone(UTC).replace(microsecond=0)
        job = JobId(ZGID, str(4876876000001594004 - 1000 * number))
        rows.append(
            SnapshotRow(
                org=org,
                zgid=job.zgid,
                job_id=job.job,
                place=f"{org}/{taken_at:%Y}/{taken_at:%Y-%m-%d}_{job.job}",
                taken_text=to_column(taken_at),
                taken_basis=TakenBasis.HISTORY,
                first_seen_text=to_column(taken_at + timedelta(minutes=20)),
                archived_text=to_column(taken_at + timedelta(minutes=50)),
                revision=1,
                files=len(_FILES),
                size=2_900_000_000 - 55_000_000 * number + (number % 3) * 120_000_000,
                manifest_sha256=sha256(job.job.encode()).hexdigest(),
                problem=None,
                scrubbed_text=to_column(now - timedelta(days=9)) if number else None,
                damaged=0,
                missing=0,
                unread=0,
            )
        )
    return tuple(rows)


def manifest(row: SnapshotRow) -> Manifest:
    """Give the manifest of such a snapshot."""
    return Manifest(
        org=row.org,
        job=row.job,
        taken=row.taken,
        expires_at=row.taken_at + LINK_LIFE,
        first_seen_at=row.first_seen_at,
        archived_at=row.archived_at,
        revision=row.revision,
        schedule=None,
        tool_version="1.0",
        files=tuple(ManifestFile(_received(row, file), row.archived_at) for file in _FILES),
    )


def _received(row: SnapshotRow, file: FileId) -> Received:
    size = row.size // len(_FILES)
    digest = sha256(f"{row.path}/{file}".encode()).hexdigest()
    return Received(file, size, digest, Checked(1204, size * 6), '"e1"', None, 2, size // 3, 41.5)


def _file_row(entry: ManifestFile) -> FileRow:
    received = entry.received
    checked = received.checked
    return FileRow(
        entry.file, received.size, received.sha256, checked.members, checked.unpacked_size, entry.verified_at
    )


# --- orgs in every state --------------------------------------------------------------------------------------------


def protected(org: str = "main", now: datetime = START) -> OrgStatus:
    """An org as it should be."""
    rows = archived(org, now)
    total = sum(row.size for row in rows)
    return OrgStatus(
        org=org,
        configured=True,
        newest=rows[0],
        totals=OrgTotals(org, len(rows), 90, total, 0, rows[0].taken.at, rows[0].archived_at),
        under_way=(),
        missed=(),
        next_poll=now + timedelta(minutes=19),
        every=timedelta(minutes=30),
        pulse=Pulse(now - timedelta(minutes=11), None, "nothing_new"),
    )


def under_way(org: str = "acme_eu", now: datetime = START, *, left: timedelta = timedelta(days=6)) -> OrgStatus:
    """An org whose new job is being fetched."""
    job = JobId(ZGID, "4876876000001602004")
    missing = (*_FILES[1:], FileId(Kind.ATTACHMENTS, "Attachments_002.zip"))
    seen_at = now - timedelta(minutes=4)
    entry = UnderWay(job, seen_at, now + left, 4, missing, received=1_310_000_000)
    return replace(protected(org, now), under_way=(entry,))


def in_danger(org: str = "north", now: datetime = START) -> OrgStatus:
    """An org whose links die within hours, while the vendor refuses us."""
    status = under_way(org, now, left=timedelta(hours=5))
    (entry,) = status.under_way
    alarm = Alarm(
        Finding(
            "access_refused", "access_refused", "the vendor refused the token: INVALID_OAUTHSCOPE (ZohoFiles.files.ALL)"
        ),
        now - timedelta(hours=9),
        now - timedelta(hours=9),
    )
    entry = replace(entry, first_seen_at=now - timedelta(days=6))
    pulse = Pulse(now - timedelta(hours=9), now - timedelta(hours=8, minutes=30), "access_refused")
    return replace(status, under_way=(entry,), pulse=pulse, alarms=(alarm,))


def missed(org: str = "legacy", now: datetime = START) -> OrgStatus:
    """An org whose newest job was missed."""
    job = MissedJob(
        org,
        JobId(ZGID, "4876876000001599004"),
        first_seen_at=now - timedelta(days=1, hours=22),
        expired_at=now - timedelta(hours=7),
        files=4,
        saved=1,
    )
    return replace(protected(org, now), missed=(job,))


def empty(org: str = "new") -> OrgStatus:
    """An org of which nothing is known yet."""
    return OrgStatus(org, configured=True, newest=None, totals=None, under_way=(), missed=(), next_poll=None)
