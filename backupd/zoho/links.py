"""Links into identities: which run and which file a download URL stands for, and which URLs are refused.

A run is (zgid, job id) of the path `/v2/crm/{zgid}/backup/{job-id}/{file-name}`. Pure; follows no link.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote

from backupd.core.model import UNKNOWN_ZGID, FileId, JobId, Kind, Link, Offer, Offers, RefusedLink
from backupd.core.names import file_name_problem, is_id
from backupd.zoho.hosts import place_of, refusal

_PATH = re.compile(r"/v[0-9]+/crm/(?P<zgid>[^/]+)/backup/(?P<job>[^/]+)/[^/]+")
_DIGEST_LENGTH = 32  # hex digits that stand for a job without an id


@dataclass(frozen=True, slots=True)
class Found:
    """A link as it stood in the answer: its kind, its place in that kind's list (from 1), its URL."""

    kind: Kind
    position: int
    url: str

    @property
    def label(self) -> str:
        """The link, told without its text."""
        return f"{self.kind} link {self.position}"


@dataclass(frozen=True, slots=True)
class _Read:
    link: Found
    job: JobId | None  # None: the path is of a form we do not know
    name: str
    path: str


def job_of(path: str) -> JobId | None:
    """Read the run's identity out of a link's path, or return None if the path is of another form."""
    match = _PATH.fullmatch(path)
    if match is None or not is_id(match["zgid"]) or not is_id(match["job"]):
        return None
    return JobId(match["zgid"], match["job"])


def to_offers(links: Iterable[Found], expires_at: datetime, allowed: Sequence[str]) -> Offers:
    """Group links into one offer a run, in the order of their appearance, and say which are refused and why.

    Links whose paths are of an unknown form are taken for one run, called by a digest of their sorted paths (no host,
    no query). The same URL twice counts once; of two URLs for one file the second is refused.
    """
    refused: list[RefusedLink] = []
    good: list[_Read] = []
    for link in links:
        read = _read(link, allowed)
        if isinstance(read, RefusedLink):
            refused.append(read)
        else:
            good.append(read)
    guessed = _guessed_job(read.path for read in good if read.job is None)
    jobs: dict[JobId, dict[FileId, str]] = {}
    for read in good:
        job = read.job or guessed
        file = FileId(read.link.kind, read.name)
        known = jobs.setdefault(job, {}).setdefault(file, read.link.url)
        if known != read.link.url:
            refused.append(RefusedLink(job, str(file), "is a second, different link for the same file"))
    offers = (
        Offer(job, tuple(Link(job, file, url) for file, url in files.items()), expires_at)
        for job, files in jobs.items()
    )
    return Offers(tuple(offers), tuple(refused))


def _read(link: Found, allowed: Sequence[str]) -> _Read | RefusedLink:
    place = place_of(link.url)
    job = job_of(place.path) if place else None
    reason = refusal(link.url, allowed)
    if place is None or reason is not None:
        return RefusedLink(job, link.label, reason or "is not a plain URL")
    try:
        name = unquote(place.path.rpartition("/")[2], errors="strict")
    except UnicodeDecodeError:
        return RefusedLink(job, link.label, "names a file that is not valid Unicode")
    problem = file_name_problem(name)
    if problem is not None:
        return RefusedLink(job, link.label, f"names a file whose name {problem}")
    return _Read(link, job, name, place.path)


def _guessed_job(paths: Iterable[str]) -> JobId:
    digest = hashlib.sha256("\n".join(sorted(set(paths))).encode()).hexdigest()
    return JobId(UNKNOWN_ZGID, digest[:_DIGEST_LENGTH])
