"""The archive opened for a command that only reads: no lock, no secrets, and nothing written."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from backupd.app import Library, Surroundings, open_library
from backupd.archive import require_root
from backupd.catalog import Catalog, SnapshotRow
from backupd.cli.invocation import Invocation
from backupd.cli.session import Session
from backupd.core.errors import UsageError
from backupd.settings import Settings

_LATEST = "latest"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reading command works with."""

    settings: Settings
    library: Library
    around: Surroundings


@asynccontextmanager
async def reading(invocation: Invocation, *, org: str | None = None) -> AsyncIterator[Reading]:
    """Open the archive; `org` must be there if one is named.

    Raises ConfigurationError, ArchiveUnusable, ArchiveError or UsageError.
    """
    session = Session(invocation)
    settings = session.load()
    require_root(
        settings.archive.root, settings.root_set_in(), require_mount=settings.archive.require_mount, writable=False
    )
    around = session.around()
    async with open_library(settings, around) as library:
        await require_org(org, settings, library)
        yield Reading(settings, library, around)


async def known_orgs(settings: Settings, library: Library) -> list[str]:
    """Return the orgs that are set up, and those of which there is something."""
    return sorted({*settings.orgs, *await library.archive.orgs()})


async def require_org(org: str | None, settings: Settings, library: Library) -> None:
    """Return if there is such an org, or none is named. Raises UsageError."""
    if org is not None and org not in (known := await known_orgs(settings, library)):
        raise UsageError(f"there is no org {org!r}", advice=f"There are: {', '.join(known)}.")


async def find(catalog: Catalog, name: str) -> SnapshotRow:
    """Find the snapshot that a person means. Raises UsageError."""
    org, _, word = name.rpartition("/")
    if word != _LATEST:
        return await catalog.find(name)
    newest = await catalog.snapshots(org or None, limit=1)
    if not newest:
        message = f"there is no snapshot of {org} yet" if org else "there is no snapshot yet"
        raise UsageError(message, advice="See `backupd status` for what is under way.")
    return newest[0]
