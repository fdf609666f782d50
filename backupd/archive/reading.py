"""Reading snapshots back: their manifests, and what SHA256SUMS must say. Blocking, but for `read`."""

import re
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from pathlib import Path, PurePosixPath

import aiofiles

from backupd.archive.disk import reporting
from backupd.core.errors import RecordDamaged
from backupd.core.manifest import Manifest, from_json, to_json
from backupd.core.model import JobId
from backupd.core.names import MANIFEST, ORG_NAME, path_in_snapshot
from backupd.core.records import FoundSnapshot

_YEAR = re.compile(r"\d{4}")
_SNAPSHOT = re.compile(r"\d{4}-\d{2}-\d{2}_.+")


def manifest_bytes(manifest: Manifest) -> bytes:
    """Return the bytes of manifest.json; text that is no Unicode (odd header values) stays as JSON escapes."""
    return to_json(manifest).encode(errors="backslashreplace")


def checksums(manifest: Manifest, manifest_sha256: str | None) -> bytes:
    """Return SHA256SUMS as coreutils read it: every file of the manifest, and the manifest too if its hash is given."""
    lines = [f"{entry.received.sha256}  {path_in_snapshot(entry.file)}\n" for entry in manifest.files]
    if manifest_sha256 is not None:
        lines.append(f"{manifest_sha256}  {MANIFEST}\n")
    return "".join(lines).encode()


async def read(root: Path, path: PurePosixPath) -> Manifest:
    """Read the manifest of the snapshot at `path`. Raises RecordDamaged or ArchiveError."""
    file = root / path / MANIFEST
    with reporting(file):
        try:
            async with aiofiles.open(file, "rb") as stream:
                text = await stream.read()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise RecordDamaged(f"{file}: it is missing") from error
    return _parse(file, text)


def read_now(root: Path, path: PurePosixPath) -> Manifest:
    """Read a manifest, in a thread. Raises RecordDamaged or OSError."""
    file = root / path / MANIFEST
    try:
        text = file.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise RecordDamaged(f"{file}: it is missing") from error
    return _parse(file, text)


def look(root: Path, path: PurePosixPath) -> FoundSnapshot:
    """Look at one snapshot; a damaged record is told, not raised."""
    file = root / path / MANIFEST
    try:
        text = file.read_bytes()
    except OSError as error:
        return FoundSnapshot(path, RecordDamaged(f"{file}: {error.strerror}"), "")
    digest = sha256(text).hexdigest()
    try:
        return FoundSnapshot(path, _parse(file, text), digest)
    except RecordDamaged as error:
        return FoundSnapshot(path, error, digest)


def scan(root: Path, org: str | None) -> Iterator[FoundSnapshot]:
    """Find every snapshot folder, of one org or of all, in order of their paths. Raises OSError."""
    for name in [org] if org is not None else orgs(root):
        for path in _paths(root, name):
            yield look(root, path)


def count(root: Path, org: str) -> int:
    """Count the folders of an org's snapshots. Raises OSError."""
    return sum(1 for _ in _paths(root, org))


def find(root: Path, org: str, job: JobId, near: datetime) -> FoundSnapshot | None:
    """Find a job's snapshot by the name of its folder, in the years about then. Raises OSError."""
    for year in range(near.year - 1, near.year + 2):
        for folder in _folders(root / org / f"{year}", _SNAPSHOT):
            if folder.name.partition("_")[2] == job.job:
                found = look(root, PurePosixPath(org, folder.parent.name, folder.name))
                if isinstance(found.record, Manifest) and found.record.job == job:
                    return found
    return None


def orgs(root: Path) -> tuple[str, ...]:
    """Return the names of all orgs that have a folder."""
    return tuple(folder.name for folder in _folders(root, ORG_NAME))


def _paths(root: Path, org: str) -> Iterator[PurePosixPath]:
    for year in _folders(root / org, _YEAR):
        for snapshot in _folders(year, _SNAPSHOT):
            yield PurePosixPath(org, year.name, snapshot.name)


def _folders(parent: Path, name: re.Pattern[str]) -> list[Path]:
    try:
        return sorted(entry for entry in parent.iterdir() if name.fullmatch(entry.name) and entry.is_dir())
    except FileNotFoundError:
        return []


def _parse(file: Path, text: bytes) -> Manifest:
    try:
        return from_json(text)
    except ValueError as error:
        raise RecordDamaged(f"{file}: {error}") from error
