"""Is the catalog's file usable? A look that rebuilds and changes nothing, for `backupd check`."""

from dataclasses import dataclass
from pathlib import Path

from backupd.catalog.database import Database, Lost
from backupd.catalog.filling import count


@dataclass(frozen=True, slots=True)
class Seen:
    """How the file is."""

    problem: str | None
    snapshots: int = 0


async def look(path: Path) -> Seen:
    """Open the file as readers do and close it again. Raises ArchiveError, or ArchiveBusy."""
    database = Database(path, wal=True)
    try:
        await database.open(read_only=True)
        return Seen(None, await database.run(count))
    except Lost as lost:
        return Seen(str(lost))
    finally:
        await database.close()
