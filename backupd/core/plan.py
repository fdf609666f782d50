"""What to do about the jobs we know of: a pure decision, which the cycle carries out."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from backupd.core.facts import LinksSeen
from backupd.core.model import JobId, Kind, Link, Offer
from backupd.core.records import ArchivedJob, RememberedOffer


@dataclass(frozen=True, slots=True)
class Fetch:
    """Fetch these links and publish the job, or add them to its published snapshot, or in place of damaged files."""

    remembered: RememberedOffer
    links: tuple[Link, ...]  # not archived yet, or damaged since; data before attachments, then by name
    archived: ArchivedJob | None

    @property
    def job(self) -> JobId:
        """The job to fetch."""
        return self.remembered.offer.job


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The links expired before every file was archived; nothing more can be done, and it must be told once."""

    remembered: RememberedOffer
    missing: tuple[Link, ...]
    archived: ArchivedJob | None

    @property
    def job(self) -> JobId:
        """The job to give up."""
        return self.remembered.offer.job


Step = Fetch | GiveUp


def plan(jobs: Iterable[RememberedOffer], *, archived: Mapping[JobId, ArchivedJob], now: datetime) -> tuple[Step, ...]:
    """Decide, job by job, what is left to do, the earliest expiry first; whole and given-up jobs need nothing.

    A damaged file is fetched again while its link lives; after that it is no missed job, but damage. So is a snapshot
    that lies there, or should, and whose manifest cannot be read.
    """
    steps: list[Step] = []
    for remembered in sorted(jobs, key=lambda job: (job.offer.expires_at, job.offer.job)):
        there = archived.get(remembered.offer.job)
        expired = remembered.offer.expires_at <= now
        missing = _missing(remembered, there, damaged_too=not expired)
        if not missing or remembered.missed or is_past_help(remembered, there, now):
            continue
        steps.append(GiveUp(remembered, missing, there) if expired else Fetch(remembered, missing, there))
    return tuple(steps)


def is_past_help(remembered: RememberedOffer, archived: ArchivedJob | None, now: datetime) -> bool:
    """Whether a job's snapshot cannot be read, and its links have expired: it is damaged, neither missed nor open."""
    return archived is not None and archived.is_unreadable and remembered.offer.expires_at <= now


def _missing(remembered: RememberedOffer, archived: ArchivedJob | None, *, damaged_too: bool) -> tuple[Link, ...]:
    have = archived.files if archived else frozenset()
    if archived and damaged_too:
        have -= archived.damaged
    links = [link for link in remembered.offer.links if link.file not in have]
    return tuple(sorted(links, key=lambda link: (link.file.kind is not Kind.DATA, link.file.name)))


def news(
    offer: Offer, known: RememberedOffer | None, *, is_barred: Callable[[Link], bool] = lambda _: False
) -> LinksSeen | None:
    """Say what of an offer is not yet remembered: new links, links with another address, another expiry; or None.

    An address that is barred takes the place of none that may be followed.
    """
    if known is None:
        return LinksSeen(offer.job, offer.expires_at, offer.links)
    old = {link.file: link for link in known.offer.links}
    new = tuple(
        link
        for link in offer.links
        if link != (there := old.get(link.file)) and (there is None or is_barred(there) or not is_barred(link))
    )
    if new or known.offer.expires_at != offer.expires_at:
        return LinksSeen(offer.job, offer.expires_at, new)
    return None
