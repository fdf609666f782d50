"""What runs cycles: the parts of each org, around one downloader for all."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backupd.app.library import Library, open_library, open_records
from backupd.app.surroundings import Surroundings
from backupd.app.vendor import account, session, tokens
from backupd.core import events
from backupd.core.errors import ConfigurationError, UsageError
from backupd.core.exits import Exit, worst
from backupd.core.outcome import Outcome
from backupd.core.patience import ONE_RUN, Patience
from backupd.settings import Settings

if TYPE_CHECKING:
    from aiohttp import ClientSession

    from backupd.cycle import Cycle
    from backupd.deadlines import Deadlines
    from backupd.download import Downloader


@dataclass(frozen=True, slots=True)
class App:
    """Everything that runs cycles, by org."""

    cycles: Mapping[str, "Cycle | UnreadyCycle"]
    library: Library

    async def run_once(self) -> Exit:
        """Run one cycle for every org, all at once; return the status that stands for all."""
        outcomes = await asyncio.gather(*(cycle.run() for cycle in self.cycles.values()))
        return worst(outcome.exit_status for outcome in outcomes)


@dataclass(frozen=True, slots=True)
class UnreadyCycle:
    """Stands for the cycle of an org whose credentials are not complete: it fails, and says why."""

    org: str
    error: ConfigurationError
    tell: events.Tell

    async def run(self) -> Outcome:
        """Fail."""
        error = self.error
        reason = "; ".join(error.problems)
        self.tell(events.CycleFailed(self.org, error.kind, int(error.exit_status), reason, error.advice))
        return Outcome((), (error,))


@asynccontextmanager
async def open_app(
    settings: Settings, around: Surroundings, *, patience: Patience = ONE_RUN, only: str | None = None
) -> AsyncIterator[App]:
    """Build what runs cycles for all orgs, or `only` one. Raises ConfigurationError, ArchiveUnusable, UsageError."""
    from backupd.archive.room import Room
    from backupd.deadlines import Deadlines
    from backupd.download import Downloader, Limits
    from backupd.verify import ZipLimits, new_check

    if only is not None and only not in settings.orgs:
        raise UsageError(f"there is no org {only!r}", advice=f"Configured are: {', '.join(sorted(settings.orgs))}.")
    orgs = [only] if only is not None else list(settings.orgs)
    unready = _unready(settings, orgs, around)
    limits = settings.verify
    async with AsyncExitStack() as stack:
        library = await stack.enter_async_context(open_library(settings, around, read_only=False))
        deadlines = Deadlines(around.clock, around.tell)
        around = around.heard_by(library.pulses, library.skews, deadlines.hear)
        files = await stack.enter_async_context(session(settings.download.connections))
        calls = await stack.enter_async_context(session(2 * len(orgs)))
        downloader = await stack.enter_async_context(
            Downloader(
                files,
                new_check=new_check(ZipLimits(limits.max_ratio, limits.max_total, limits.max_members)),
                clock=around.clock,
                tell=around.tell,
                room=Room(library.root, settings.archive.min_free),
                limits=Limits(
                    files_at_once=settings.download.files_at_once,
                    connections=settings.download.connections,
                    timeout=settings.download.timeout.total_seconds(),
                    bandwidth=settings.download.bandwidth,
                ),
            )
        )
        shared = _Shared(settings, around, library, patience, calls, downloader, deadlines)
        cycles = {org: unready.get(org) or _cycle(org, shared) for org in orgs}
        yield App(cycles, library)


def _unready(settings: Settings, orgs: Iterable[str], around: Surroundings) -> Mapping[str, "UnreadyCycle"]:
    """Find the orgs that lack credentials; they fail alone and stop no other. Raises if that is all of them."""
    unready: dict[str, UnreadyCycle] = {}
    ready = False
    for org in orgs:
        try:
            settings.require_credentials(org)
            ready = True
        except ConfigurationError as error:
            unready[org] = UnreadyCycle(org, error, around.tell)
    if not ready and unready:
        problems = tuple(problem for cycle in unready.values() for problem in cycle.error.problems)
        raise ConfigurationError("\n".join(problems), problems=problems)
    return unready


@dataclass(frozen=True, slots=True)
class _Shared:
    """What the cycles of all orgs have in common."""

    settings: Settings
    around: Surroundings
    library: Library
    patience: Patience
    calls: "ClientSession"
    downloader: "Downloader"
    deadlines: "Deadlines"


def _cycle(org: str, shared: _Shared) -> "Cycle":
    from backupd.cycle import Cycle, Wishes
    from backupd.download import OrgDownloads
    from backupd.zoho.client import ZohoClient
    from backupd.zoho.gate import Gate

    around, library = shared.around, shared.library
    place = account(org, shared.settings)
    kept = tokens(shared.calls, place, library.root, around)

    vendor = ZohoClient(shared.calls, place, kept, patience=shared.patience, clock=around.clock, tell=around.tell)
    library.skews.watch(org, vendor.clock_skew)
    return Cycle(
        org,
        vendor=vendor,
        downloads=OrgDownloads(org, shared.downloader, Gate(place.download_hosts, kept), shared.patience),
        archive=library.archive,
        open_records=lambda: open_records(org, library, around),
        clock=around.clock,
        tell=around.tell,
        deadlines=shared.deadlines,
        pulse=library.pulses.of,
        wishes=Wishes(shared.settings.poll.expect_every, shared.settings.archive.keep_partial),
    )
