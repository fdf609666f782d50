"""Taking stock of a snapshot's folder for `core.audit`: names, sizes, modes, manifest and SHA256SUMS. Blocking."""

import os
import re
import stat
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path, PurePosixPath

from backupd.archive.disk import reporting
from backupd.core.audit import FoundFile, Inventory
from backupd.core.errors import RecordDamaged
from backupd.core.manifest import Manifest, from_json
from backupd.core.names import CHECKSUMS, MANIFEST

_LINE = re.compile(r"(?P<sha256>[0-9a-f]{64}) [ *](?P<name>.+)")


def take_inventory(root: Path, path: PurePosixPath) -> Inventory:
    """Look at everything in the snapshot at `path`, in a thread. Raises ArchiveError if the folder cannot be read."""
    folder = root / path
    with reporting(folder):
        found = dict(_walk(folder))
        text = _bytes_of(folder / MANIFEST)
        sums = _bytes_of(folder / CHECKSUMS)
    return Inventory(
        path=path,
        record=RecordDamaged(f"{folder / MANIFEST}: it is missing")
        if text is None
        else _parse(folder / MANIFEST, text),
        manifest_sha256="" if text is None else sha256(text).hexdigest(),
        sums=None if sums is None else _parse_sums(sums),
        files={name: file for name, file in found.items() if isinstance(file, FoundFile)},
        folders={name: mode for name, mode in found.items() if isinstance(mode, int)},
    )


def _walk(folder: Path, above: str = "") -> Iterator[tuple[str, FoundFile | int]]:
    """Yield what is below a folder, and its own mode."""
    yield above.rstrip("/") or ".", stat.S_IMODE(folder.stat().st_mode)
    with os.scandir(folder) as entries:
        for entry in entries:
            name = above + entry.name
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(folder / entry.name, f"{name}/")
            else:
                found = entry.stat(follow_symlinks=False)
                yield name, FoundFile(found.st_size, stat.S_IMODE(found.st_mode), stat.S_ISREG(found.st_mode))


def _bytes_of(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        return None


def _parse(file: Path, text: bytes) -> Manifest | RecordDamaged:
    try:
        return from_json(text)
    except ValueError as error:
        return RecordDamaged(f"{file}: {error}")


def _parse_sums(content: bytes) -> dict[str, str] | None:
    sums: dict[str, str] = {}
    for line in content.decode(errors="surrogateescape").splitlines():
        found = _LINE.fullmatch(line)
        if found is None:
            return None
        sums[found["name"]] = found["sha256"]
    return sums
