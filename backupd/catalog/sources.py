"""What the catalog is made from, as it needs it: the archive and the journals, read."""

from collections.abc import AsyncIterator
from pathlib import PurePosixPath
from typing import Protocol

from backupd.core.records import FoundSnapshot, JournalLine


class JournalView(Protocol):
    """One org's journal, read."""

    @property
    def size(self) -> int:
        """Bytes of all whole lines."""

    @property
    def head(self) -> str:
        """The hash of the last line; empty for an empty journal."""

    async def batch(self, start: int, previous: str, limit: int) -> tuple[JournalLine, ...]:
        """Return at most `limit` lines from an offset on; `previous` is the hash of the line before them."""


class Snapshots(Protocol):
    """The archive, read."""

    async def orgs(self) -> tuple[str, ...]:
        """Return the names of all orgs that have a folder."""

    def snapshots(self, org: str | None = None) -> AsyncIterator[FoundSnapshot]:
        """Find every snapshot."""

    async def look(self, path: PurePosixPath) -> FoundSnapshot:
        """Look at one snapshot."""
