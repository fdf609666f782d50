"""Writing down what `verify` found, where it may: it waits for no lock, and tells where it could not."""

import os
from collections import defaultdict
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from backupd.app import Library, Surroundings, open_library, open_records
from backupd.core.audit import Outcome
from backupd.core.errors import ArchiveBusy, ArchiveError
from backupd.core.names import STATE
from backupd.settings import Settings
from backupd.upkeep.auditing import Audit
from backupd.upkeep.missing_lines import append_missing_lines
from backupd.upkeep.recording import record_audits

_BATCH = 500  # audits held in memory


@dataclass(slots=True)
class Notes:
    """Takes audits, and writes them into journal and catalog, many at a time."""

    settings: Settings
    around: Surroundings
    refused: dict[str, str] = field(default_factory=dict)  # by org: why its results are not written down
    _waiting: dict[str, list[Audit]] = field(default_factory=lambda: defaultdict(list))
    _count: int = 0
    _library: Library | None = None
    _open: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.write()
        finally:
            await self._open.aclose()

    async def take(self, audit: Audit) -> None:
        """Keep an audit to be written down."""
        self._waiting[audit.path.parts[0]].append(audit)
        self._count += 1
        if self._count >= _BATCH:
            await self.write()

    async def write(self) -> None:
        """Write down what was taken so far. Never raises: what cannot be written is in `refused`."""
        waiting, self._waiting, self._count = self._waiting, defaultdict(list), 0
        for org, audits in waiting.items():
            if org in self.refused or not any(audit.tells for audit in audits):
                continue
            try:
                await self._write(org, audits)
            except (ArchiveError, ArchiveBusy) as error:
                self.refused[org] = str(error)

    async def _write(self, org: str, audits: list[Audit]) -> None:
        root = self.settings.archive.root
        if not os.access(root / STATE, os.W_OK) or root.stat().st_uid != os.geteuid():
            raise ArchiveError("the archive belongs to another user")
        if self._library is None:
            opening = open_library(self.settings, self.around, read_only=False)
            self._library = await self._open.enter_async_context(opening)
        async with self._library.archive.lock(org, what="verify"):
            journal, catalog = await open_records(org, self._library, self.around)
            gaps = [audit.path for audit in audits if audit.outcome is Outcome.INCONCLUSIVE]
            await append_missing_lines(org, self._library.archive, journal, catalog, self.around.tell, seen=gaps)
            await record_audits(org, audits, journal, catalog)
