"""A look at what grows in staging, for `status`. Changes nothing, takes no lock, may be out of date at once. Blocks."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

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
