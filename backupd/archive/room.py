"""Whether there is room on the archive's disk, with a reserve that downloads leave alone, and for whom.

Downloads that are under way claim what they still want. Without that, files that fit one by one would be begun together
and stop each other before the end. So whoever was let in can finish, as far as nobody else fills the disk.
"""

import asyncio
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from backupd.archive.disk import reporting
from backupd.core.errors import ArchiveFull
from backupd.core.figures import size


@dataclass(frozen=True, slots=True)
class Room:
    """Watches over the free space below `root`, for all downloads of the process."""

    root: Path
    min_free: int  # bytes
    _claims: set["Claim"] = field(default_factory=set)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)  # one after the other, or two would get the same bytes

    def claim(self) -> "Claim":
        """Give a file its claim, of nothing yet."""
        claim = Claim(self)
        self._claims.add(claim)
        return claim

    def drop(self, claim: "Claim") -> None:
        """Leave to others what was claimed."""
        self._claims.discard(claim)

    async def require(self, wanted: int, claim: "Claim") -> None:
        """Return if so many more bytes fit beside what others claim. Raises ArchiveFull, or ArchiveError."""
        async with self._turn:
            # Asked before the disk is: what arrives in between then counts twice rather than not at all.
            others = sum(each.wanted for each in self._claims if each is not claim)
            free = await asyncio.to_thread(self._free)
            if free - others - wanted < self.min_free:
                raise ArchiveFull(self._too_little(free, wanted, others))
            claim.wanted = wanted

    def _too_little(self, free: int, wanted: int, others: int) -> str:
        coming = f"{size(wanted)} more are coming, and " if wanted else ""
        claimed = f" and {size(others)} are for other files that are coming" if others else ""
        return f"{self.root}: {coming}{size(free)} are free, of which {size(self.min_free)} stay free{claimed}"

    def _free(self) -> int:
        with reporting(self.root):
            return shutil.disk_usage(self.root).free


@dataclass(eq=False, slots=True)
class Claim:
    """What one file still wants."""

    room: Room
    wanted: int = 0  # bytes that are not on the disk yet

    async def require(self, wanted: int) -> None:
        """Claim so many bytes. Raises ArchiveFull, or ArchiveError; what was claimed before stays so."""
        await self.room.require(wanted, self)

    def still(self, wanted: int) -> None:
        """Claim no more than that."""
        self.wanted = min(self.wanted, wanted)

    def release(self) -> None:
        """Claim nothing any more."""
        self.room.drop(self)
