"""A vendor and a way to its files without a network: both work, and fail when told to."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from backupd.core.errors import BackupdError
from backupd.core.model import (
    Checked,
    FileId,
    HistoryEntry,
    JobId,
    Kind,
    Link,
    Offer,
    Offers,
    Received,
    RefusedLink,
    Schedule,
)
from backupd.core.slot import Slot

ZGID = "757345985"
TAKEN_AT = datetime(2022, 6, 23, 12, 1, 3, tzinfo=UTC)
LINK_LIFE = timedelta(days=7)


def link(job_id: str, name: str, kind: Kind = Kind.DATA, *, zgid: str = ZGID) -> Link:
    """Make the link of one file."""
    url = f"https://download-accl.zoho.com/v2/crm/{zgid}/backup/{job_id}/{name}"
    return Link(JobId(zgid, job_id), FileId(kind, name), url)


def offer(job_id: str, *names: str, taken_at: datetime = TAKEN_AT, zgid: str = ZGID) -> Offer:
    """Make the offer of one job; a name that begins with `Attachments` is an attachments zip."""
    links = tuple(
        link(job_id, name, Kind.ATTACHMENTS if name.startswith("Attachments") else Kind.DATA, zgid=zgid)
        for name in names
    )
    return Offer(JobId(zgid, job_id), links, taken_at + LINK_LIFE)


@dataclass
class FakeVendor:
    """Shows what a test put on offer; `calls` counts what was asked."""

    shown: tuple[Offer, ...] = ()
    refused: tuple[RefusedLink, ...] = ()
    elsewhere: tuple[Offer, ...] = ()  # links that are shown and refused
    barred: tuple[str, ...] = ()  # hosts whose links must not be followed
    events: tuple[HistoryEntry, ...] = ()
    order: Schedule | None = field(
        default_factory=lambda: Schedule("4876876000001593003", "SCHEDULED", "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU")
    )
    failures: dict[str, BackupdError] = field(default_factory=dict)  # by call
    calls: list[str] = field(default_factory=list)

    def show(self, *offers: Offer) -> None:
        """Put these links on offer, in place of what was there: only the latest run's links are shown."""
        self.shown = offers

    def bar(self, *offers: Offer) -> None:
        """Show these links too, which lead to hosts that are barred."""
        self.elsewhere = offers

    async def schedule(self) -> Schedule | None:
        self._called("schedule")
        return self.order

    async def offers(self) -> Offers:
        self._called("offers")
        refused = [RefusedLink(link.job, str(link.file), "is barred") for each in self.elsewhere for link in each.links]
        return Offers(self.shown, (*self.refused, *refused), self.elsewhere)

    def refusal(self, link: Link) -> str | None:
        host = link.url.split("/")[2]
        return f"leads to {host}, which is not an allowed host" if host in self.barred else None

    async def history(self) -> AsyncIterator[HistoryEntry]:
        self._called("history")
        for entry in self.events:
            yield entry

    def _called(self, call: str) -> None:
        self.calls.append(call)
        if call in self.failures:
            raise self.failures[call]


@dataclass
class FakeDownloads:
    """Brings the bytes `content of <file>`, or fails as often as a test says."""

    failures: dict[str, list[BackupdError]] = field(default_factory=dict)  # by file name, each raised once
    fetched: list[str] = field(default_factory=list)

    async def fetch(self, link: Link, slot: Slot, *, deadline: datetime) -> Received:
        assert deadline.tzinfo is not None
        self.fetched.append(f"{link.job}/{link.file}")
        body = f"content of {link.job}/{link.file}".encode()
        slot.part.write_bytes(body)
        if self.failures.get(link.file.name):
            raise self.failures[link.file.name].pop(0)
        return Received(
            file=link.file,
            size=len(body),
            sha256=hashlib.sha256(body).hexdigest(),
            checked=Checked(members=1, unpacked_size=len(body)),
            etag='"etag"',
            last_modified=None,
            attempts=1,
            resumed_bytes=0,
            seconds=0.5,
        )
