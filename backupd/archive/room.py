"""Whether there is room on the archive's disk, with a reserve that downloads leave alone."""

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path

from backupd.archive.disk import reporting
from backupd.core.errors import ArchiveFull
from backupd.core.figures import size


@dataclass(frozen=True, slots=True)
class Room:
    """Watches over the free space below `root`."""

    root: Path
    min_free: int  # bytes

    async def require(self, wanted: int) -> None:
        """Return if so many more bytes fit and the reserve stays free. Raises ArchiveFull, or ArchiveError."""
        free = await asyncio.to_thread(self._free)
        if free - wanted < self.min_free:
            more = f"{size(wanted)} more are coming, and " if wanted else ""
            raise ArchiveFull(f"{self.root}: {more}{size(free)} are free, of which {size(self.min_free)} stay free")

    def _free(self) -> int:
        with reporting(self.root):
            return shutil.disk_usage(self.root).free
