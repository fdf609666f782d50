"""As many snapshots of one org as a test asks for, one an hour, made up on the way."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import PurePosixPath

from backupd.core.facts import LinksSeen, Published
from backupd.core.model import JobId, Taken, TakenBasis
from backupd.core.names import snapshot_path
from backupd.core.records import FoundSnapshot
from tests.fakes.values import ZGID, data, link, manifest

DIGEST = "ab" * 32


class Crowd:
    """Snapshots of two files each; implements what a catalog is filled from, but for the journals."""

    def __init__(self, count: int, *, until: datetime) -> None:
        self.count = count
        self._until = until
        self._pattern = manifest(files=2)

    async def orgs(self) -> tuple[str, ...]:
        return ("main",)

    async def snapshots(self, org: str | None = None) -> AsyncIterator[FoundSnapshot]:
        assert org is None
        for number in range(self.count):
            yield self.found(number)

    async def look(self, path: PurePosixPath) -> FoundSnapshot:
        raise AssertionError(path)  # all are found by the scan

    def job(self, number: int) -> JobId:
        """Name the job of a snapshot."""
        return JobId(ZGID, f"{number:019}")

    def taken_at(self, number: int) -> datetime:
        """Say when a snapshot was taken; the last one an hour before the end."""
        return self._until - timedelta(hours=self.count - number)

    def found(self, number: int) -> FoundSnapshot:
        """Give a snapshot as a scan finds it."""
        taken_at, job = self.taken_at(number), self.job(number)
        taken = Taken(taken_at, TakenBasis.EXPIRY)
        made = replace(self._pattern, job=job, taken=taken, archived_at=taken_at)
        return FoundSnapshot(self.path(number), made, DIGEST)

    def path(self, number: int) -> PurePosixPath:
        """Say where a snapshot lies."""
        return snapshot_path("main", self.taken_at(number), self.job(number))

    def links_seen(self, number: int) -> LinksSeen:
        """Say when its links were seen."""
        job = self.job(number)
        links = (link(job, data("Data_000.zip")), link(job, data("Data_001.zip")))
        return LinksSeen(job, self.taken_at(number) + timedelta(days=7), links)

    def published(self, number: int) -> Published:
        """Say that it was published."""
        return Published(self.job(number), str(self.path(number)), 1, DIGEST)
