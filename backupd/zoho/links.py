"""Links into identities: which run and which file a download URL stands for, and which URLs are refused.

A run is (zgid, job id) of the path `/v2/crm/{zgid}/backup/{job-id}/{file-name}`. Pure; follows no link.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote

from backupd.core.model import UNKNOWN_ZGID, FileId, JobId, Kind, Link, Offer, Offers, RefusedLink
from backupd.core.names import file_name_problem, is_id
from backupd.zoho.hosts import place_behind, place_of, refusal

_RUN = r"/v[0-9]+/crm/(?P<zgid>[^/]+)/backup/(?P<job>[^/]+)/"
_PATH = re.compile(rf"{_RUN}[^/]+")
_ANYWHERE = re.compile(_RUN)
_DIGEST_LENGTH = 32  # hex digits that stand for a job without an id
_NOT_KEPT = (
    "was refused, and its address not kept: its file name is unusable, or user information, a query or a fragment of it"
    " may hold a secret"
)
_NAME_LENGTH = 16  # hex digits that stand for an unusable name


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
    reason: str | None  # why it must not be followed, as the hosts are allowed today
    is_named: bool = True  # False: the name stands for one that cannot be used


def job_of(path: str) -> JobId | None:
    """Read the run's identity out of a link's path, or return None if the path is of another form."""
    return _job_in(_PATH.fullmatch(path))


def _job_in(match: re.Match[str] | None) -> JobId | None:
    if match is None or not is_id(match["zgid"]) or not is_id(match["job"]):
        return None
    return JobId(match["zgid"], match["job"])


def refusal_of(link: Link, allowed: Sequence[str]) -> str | None:
    """Say why a link that is remembered must not be followed today, or return None if it may."""
    return refusal(link.url, allowed) if link.url else _NOT_KEPT


def to_offers(links: Iterable[Found], expires_at: datetime, allowed: Sequence[str]) -> Offers:
    """Group links into one offer a run, in the order of their appearance, and say which are refused and why.

    Links whose paths are of an unknown form are taken for one run, called by a digest of their sorted paths (no host,
    no query). The same URL twice counts once; of two URLs for one file the second is refused. Barred are the files
    whose links are refused for where they lead, unless another link of the same file is not; and, under a name that
    stands for theirs, those whose name cannot be used: the job is not whole without them. So are links that cannot be
    read at all: they belong to the only run there is, if there is one, or else to the one that is guessed.
    """
    refused: list[RefusedLink] = []
    jobs: dict[JobId, dict[FileId, str]] = {}
    barred: dict[JobId, dict[FileId, str]] = {}
    reads = [_read(link, allowed) for link in links]
    named = {read.job for read in reads if read.job is not None}
    paths = [read.path for read in reads if read.job is None and read.path]
    guessed = _guessed_job(paths or [read.name for read in reads if read.job is None])
    of_unread = next(iter(named)) if len(named) == 1 and not paths else guessed
    for read in reads:
        job = read.job or (guessed if read.path else of_unread)
        file = FileId(read.link.kind, read.name)
        if read.reason is not None:
            refused.append(RefusedLink(job, read.link.label, read.reason))
            barred.setdefault(job, {}).setdefault(file, _kept(read.link.url) if read.is_named else "")
            continue
        known = jobs.setdefault(job, {}).setdefault(file, read.link.url)
        if known != read.link.url:
            refused.append(RefusedLink(job, str(file), "is a second, different link for the same file"))
    for job, files in jobs.items():
        barred[job] = {file: url for file, url in barred.get(job, {}).items() if file not in files}
    return Offers(tuple(_offers(jobs, expires_at)), tuple(refused), tuple(_offers(barred, expires_at)))


def _offers(jobs: Mapping[JobId, Mapping[FileId, str]], expires_at: datetime) -> Iterator[Offer]:
    for job, files in jobs.items():
        if files:
            yield Offer(job, tuple(Link(job, file, url) for file, url in files.items()), expires_at)


def _read(link: Found, allowed: Sequence[str]) -> _Read:
    place = place_behind(link.url)
    reason = refusal(link.url, allowed)
    if place is None:
        job, reason = _job_in(_ANYWHERE.search(link.url)), reason or "is not a plain URL"
        return _Read(link, job, _stand_in(link.url), "", reason, is_named=False)
    job = job_of(place.path)
    segment = place.path.rpartition("/")[2]
    try:
        name = unquote(segment, errors="strict")
        problem = file_name_problem(name)
        problem = problem and f"names a file whose name {problem}"
    except UnicodeDecodeError:
        name, problem = "", "names a file that is not valid Unicode"
    if problem is not None:
        return _Read(link, job, _stand_in(segment), place.path, reason or problem, is_named=False)
    return _Read(link, job, name, place.path, reason)


def _stand_in(segment: str) -> str:
    digest = hashlib.sha256(segment.encode(errors="surrogatepass")).hexdigest()
    return f"unusable-name-{digest[:_NAME_LENGTH]}"


def _kept(url: str) -> str:
    """Return what is kept of a URL that is refused: nothing, if a part of it might be a secret."""
    return url if place_of(url) is not None and not {"?", "#"} & set(url) else ""


def _guessed_job(paths: Iterable[str]) -> JobId:
    digest = hashlib.sha256("\n".join(sorted(set(paths))).encode()).hexdigest()
    return JobId(UNKNOWN_ZGID, digest[:_DIGEST_LENGTH])
