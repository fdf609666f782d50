"""The archive for reading, and for those who look after it: records, survey, caretaker."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from backupd import __version__
from backupd.app.surroundings import Surroundings
from backupd.archive import Archive
from backupd.catalog import Catalog
from backupd.core.clock import Clock
from backupd.core.errors import ArchiveBusy, ArchiveUnusable
from backupd.core.names import CATALOG, JOURNAL, STATE
from backupd.journal import Journal
from backupd.settings import Settings
from backupd.telemetry.pulses import Pulses
from backupd.telemetry.skews import Skews

if TYPE_CHECKING:
    from backupd.survey import Survey
    from backupd.upkeep import Caretaker


@dataclass(frozen=True, slots=True)
class Library:
    """The archive for reading: needs no lock and no secret."""

    root: Path
    archive: Archive
    catalog: Catalog
    clock: Clock
    pulses: Pulses
    skews: Skews  # the vendors' clocks against ours


@asynccontextmanager
async def open_library(settings: Settings, around: Surroundings, *, read_only: bool = True) -> AsyncIterator[Library]:
    """Open the archive and its catalog, brought up to date. Raises ArchiveError, ArchiveUnusable."""
    root = settings.archive.root
    archive = Archive(
        root,
        clock=around.clock,
        tell=around.tell,
        tool_version=__version__,
        require_mount=settings.archive.require_mount,
    )
    if not read_only:
        try:
            await archive.prepare()
        except ArchiveUnusable as error:
            message = f"{error} (archive.root: {settings.root_set_in()})"
            raise ArchiveUnusable(message, advice=error.advice) from error
    catalog = await Catalog.open(
        settings.catalog.path or root / CATALOG,
        archive=archive,
        journals=lambda org: open_journal(root, org, around, read_only=True),
        clock=around.clock,
        tell=around.tell,
        read_only=read_only,
    )
    async with catalog:
        pulses, skews = Pulses(root / STATE, around.clock), Skews(root / STATE, around.clock)
        yield Library(root, archive, catalog, around.clock, pulses, skews)


def open_survey(settings: Settings, library: Library) -> "Survey":
    """Give the one place that finds out how things stand."""
    from backupd.survey import Survey

    orgs, every = tuple(settings.orgs), settings.poll.every
    return Survey(library.archive, library.catalog, library.root, orgs, every, library.clock, library.pulses.of)


async def open_records(org: str, library: Library, around: Surroundings) -> tuple[Journal, Catalog]:
    """Open an org's records for writing, both brought up to date. Call under its lock. Raises ArchiveError."""
    from backupd.upkeep.missing_lines import append_missing_lines
    from backupd.upkeep.pruning import finish_drops

    journal = await open_journal(library.root, org, around)
    await library.catalog.catch_up(org, journal)
    await finish_drops(org, library.archive, journal, library.catalog, around.tell)
    await append_missing_lines(org, library.archive, journal, library.catalog, around.tell)
    return journal, library.catalog


def caretaker(library: Library, around: Surroundings) -> "Caretaker":
    """Give who looks after the snapshots of a library that may be written to."""
    from backupd.upkeep import Caretaker

    root, archive, catalog = library.root, library.archive, library.catalog
    return Caretaker(root, archive, catalog, lambda org: open_records(org, library, around), around.clock, around.tell)


async def rebuild_catalog(settings: Settings, around: Surroundings) -> int:
    """Make the catalog anew from manifests and journals, and append lines that these lack.

    Return how many snapshots it holds.
    """
    async with open_library(settings, around, read_only=False) as library:
        await library.catalog.rebuild()
        for org in await library.archive.orgs():
            with suppress(ArchiveBusy):  # who holds the lock does the same
                async with library.archive.lock(org, what="rebuild-catalog"):
                    await open_records(org, library, around)
        return sum(totals.snapshots for totals in await library.catalog.totals())


async def open_journal(root: Path, org: str, around: Surroundings, *, read_only: bool = False) -> Journal:
    """Open an org's journal; for writing, under the org's lock only. Raises ArchiveError."""
    return await Journal.open(root / org / JOURNAL, org=org, clock=around.clock, tell=around.tell, read_only=read_only)
