"""Values of the program, made up: plain ones for examples, and strategies for properties."""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, get_type_hints

from hypothesis import strategies as st

from backupd.core import facts as core_facts
from backupd.core.facts import Fact, LinksSeen
from backupd.core.manifest import Manifest, ManifestFile, in_order
from backupd.core.model import (
    Checked,
    FileId,
    HistoryEntry,
    JobId,
    Kind,
    Link,
    Received,
    Schedule,
    Taken,
    TakenBasis,
)

ZGID = "757345985"
JOB = JobId(ZGID, "4876876000001594004")
TAKEN_AT = datetime(2022, 6, 23, 12, 1, 3, tzinfo=UTC)
EXPIRES_AT = datetime(2022, 6, 30, 12, 1, 3, tzinfo=UTC)
SEEN_AT = datetime(2022, 6, 23, 12, 15, tzinfo=UTC)


def data(name: str) -> FileId:
    """Name a data zip."""
    return FileId(Kind.DATA, name)


def attachments(name: str) -> FileId:
    """Name an attachments zip."""
    return FileId(Kind.ATTACHMENTS, name)


def received(file: FileId, content: bytes, *, attempts: int = 1) -> Received:
    """Say that `content` was received as a file."""
    return Received(
        file, len(content), sha256(content).hexdigest(), Checked(3, 10 * len(content)), '"e1"', None, attempts, 0, 0.25
    )


def link(job: JobId, file: FileId) -> Link:
    """Make a link that holds a secret."""
    return Link(job, file, f"https://download.zoho.com/v2/crm/{job.zgid}/backup/{job.job}/{file.name}?key=s3cret")


def manifest(job: JobId = JOB, *, org: str = "main", files: int = 1, taken_at: datetime = TAKEN_AT) -> Manifest:
    """Make a manifest of a few small files."""
    entries = tuple(
        ManifestFile(received(data(f"Data_{n:03}.zip"), f"{job.job} {n}".encode()), SEEN_AT) for n in range(files)
    )
    return Manifest(
        org=org,
        job=job,
        taken=Taken(taken_at, TakenBasis.EXPIRY),
        expires_at=EXPIRES_AT,
        first_seen_at=SEEN_AT,
        archived_at=SEEN_AT,
        revision=1,
        schedule=None,
        tool_version="1.0",
        files=entries,
    )


instants = st.datetimes(datetime(1970, 1, 2), datetime(9000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  zone given
texts = st.text(max_size=30)
sizes = st.integers(0, 2**60)
digests = st.binary(min_size=32, max_size=32).map(bytes.hex)
_id_characters = "0123456789abcxyzABCXYZ_-"
jobs = st.builds(
    JobId, st.text("0123456789", min_size=1, max_size=20), st.text(_id_characters, min_size=1, max_size=64)
)
_no_controls = st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters='./\\:*?"<>|')
file_names = st.text(_no_controls, min_size=1, max_size=20)
file_ids = st.builds(FileId, st.sampled_from(Kind), file_names)
schedules = st.builds(Schedule, id=texts, status=texts, rrule=st.none() | texts)
takens = st.builds(Taken, instants, st.sampled_from(TakenBasis))
manifest_files = st.builds(
    ManifestFile,
    st.builds(
        Received,
        file_ids,
        sizes,
        digests,
        st.builds(Checked, sizes, sizes),
        st.none() | texts,
        st.none() | texts,
        st.integers(1, 1000),
        sizes,
        st.integers(0, 10**9).map(lambda milliseconds: milliseconds / 1000),
    ),
    instants,
)
manifests = st.builds(
    Manifest,
    org=st.text("abcxyz0123456789_", min_size=1, max_size=20),
    job=jobs,
    taken=takens,
    expires_at=instants,
    first_seen_at=instants,
    archived_at=instants,
    revision=st.integers(1, 1000),
    schedule=st.none() | schedules,
    tool_version=texts,
    files=st.lists(manifest_files, max_size=5, unique_by=lambda entry: entry.file).map(tuple).map(in_order),
    missing=st.lists(file_ids, max_size=2, unique=True).map(tuple),
)
entries = st.builds(
    HistoryEntry,
    texts,
    st.none() | instants,
    st.none() | texts,
    st.none() | texts,
    st.none() | texts,
    st.none() | texts,
    st.none() | st.integers(),
)


@st.composite
def links_seen(draw: st.DrawFn) -> LinksSeen:
    """Draw links of one job."""
    job = draw(jobs)
    links = draw(st.lists(st.builds(Link, st.just(job), file_ids, texts), max_size=4))
    return LinksSeen(job, draw(instants), tuple(links))


_BY_TYPE: dict[Any, st.SearchStrategy[Any]] = {
    str: texts,
    int: sizes,
    bool: st.booleans(),
    datetime: instants,
    JobId: jobs,
    HistoryEntry: entries,
    tuple[FileId, ...]: st.lists(file_ids, max_size=3).map(tuple),
    tuple[str, ...] | None: st.none() | st.lists(texts, max_size=3).map(tuple),
    tuple[FileId, ...] | None: st.none() | st.lists(file_ids, max_size=3).map(tuple),
    tuple[str, ...]: st.lists(texts, max_size=3).map(tuple),
}


def facts_of(kind: type[Fact]) -> st.SearchStrategy[Fact]:
    """Draw facts of one kind."""
    if kind is LinksSeen:
        return links_seen()
    return st.builds(kind, **{name: _BY_TYPE[hint] for name, hint in get_type_hints(kind).items() if name != "kind"})


FACTS = tuple(
    kind for kind in vars(core_facts).values() if isinstance(kind, type) and issubclass(kind, Fact) and kind is not Fact
)
facts: st.SearchStrategy[Fact] = st.one_of([facts_of(kind) for kind in FACTS])
