"""A look at what grows in staging, for `status`. Changes nothing, takes no lock, may be out of date at once. Blocks."""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from backupd.archive.disk import reporting
from backupd.archive.growth import PARTS, TREE
from backupd.core.model import FileId, Kind
from backupd.core.names import STAGING


@dataclass(frozen=True, slots=True)
class Growing:
    """What is in hand of one job."""

    whole: frozenset[FileId]
    received: int  # bytes, partial files included


def glance(root: Path, org: str) -> dict[str, Growing]:
    """Tell, by job id, what is in hand. Nothing, where this user may not look."""
    found: dict[str, Growing] = {}
    with suppress(OSError):
        for folder in sorted((root / STAGING / org).iterdir()):
            whole = {
                FileId(kind, path.name): path.stat().st_size
                for kind in Kind
                for path in _files(folder / TREE / kind, "*")
            }
            parts = sum(path.stat().st_size for kind in Kind for path in _files(folder / PARTS / kind, "*.part"))
            found[folder.name] = Growing(frozenset(whole), sum(whole.values()) + parts)
    return found


def _files(folder: Path, pattern: str) -> Iterator[Path]:
    with suppress(FileNotFoundError):
        yield from (path for path in sorted(folder.glob(pattern)) if path.is_file())


@dataclass(frozen=True, slots=True)
class Space:
    """How the archive's folders lie on the disk."""

    free: int  # bytes that we may use
    apart: tuple[str, ...]  # folders of ours that lie on another file system than the root


def look_at_disk(root: Path) -> Space:
    """Tell how much room there is, and whether one rename can reach everywhere. Raises ArchiveError."""
    with reporting(root):
        device = root.stat().st_dev
        apart = [path.name for path in sorted(root.iterdir()) if path.is_dir() and path.stat().st_dev != device]
        return Space(shutil.disk_usage(root).free, tuple(apart))
