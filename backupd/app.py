"""WIRING: settings into objects; the only module that knows every part.

`open_app` is for whoever runs cycles, `open_library` for whoever only reads, `serve` for the daemon. Adapters get plain
values, never the settings. What is costly to import and not needed by every command is imported where it is used.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from backupd import __version__
from backupd.archive import Archive
from backupd.catalog import Catalog
from backupd.clock import SystemClock
from backupd.core import events
from backupd.core.clock import Clock
from backupd.core.errors import UsageError
from backupd.core.exits import Exit, worst
from backupd.core.names import CATALOG, JOURNAL, STATE
from backupd.core.patience import DAEMON, ONE_RUN, Patience
from backupd.cycle import Cycle, Wishes
from backupd.deadlines import Deadlines
from backupd.journal import Journal
from backupd.settings import Settings
from backupd.telemetry.pulses import Pulses

if TYPE_CHECKING:
    from aiohttp import ClientSession

    from backupd.download import Downloader
    from backupd.notify import Recipients
    from backupd.survey import Survey
    from backupd.upkeep import Caretaker
    from backupd.zoho.account import Account
    from backupd.zoho.auth import Tokens
    from backupd.zoho.client import ZohoClient


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every part shares: who hears what happens, who must know each new secret so as not to show it, and time."""

    tell: events.Tell
    learn: Callable[[str], None]
    clock: Clock = field(default_factory=SystemClock)

    def heard_by(self, *listeners: events.Tell) -> "Surroundings":
        """Let these listeners hear what happens, too."""

        def tell(event: events.Event) -> None:
            self.tell(event)
            for listener in listeners:
                listener(event)

        return replace(self, tell=tell)


@dataclass(frozen=True, slots=True)
class Library:
    """The archive for reading: needs no lock and no secret."""

    root: Path
    archive: Archive
    catalog: Catalog
    clock: Clock
    pulses: Pulses


@dataclass(frozen=True, slots=True)
class App:
    """Everything that runs cycles, by org."""

    cycles: Mapping[str, Cycle]
    library: Library
    skews: Mapping[str, Callable[[], timedelta | None]]  # by org: the vendor's clock against ours, once it was seen

    async def run_once(self) -> Exit:
        """Run one cycle for every org, all at once; return the status that stands for all."""
        outcomes = await asyncio.gather(*(cycle.run() for cycle in self.cycles.values()))
        return worst(outcome.exit_status for outcome in outcomes)


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
        await archive.prepare()
    catalog = await Catalog.open(
        settings.catalog.path or root / CATALOG,
        archive=archive,
        journals=lambda org: open_journal(root, org, around, read_only=True),
        clock=around.clock,
        tell=around.tell,
        read_only=read_only,
    )
    async with catalog:
        yield Library(root, archive, catalog, around.clock, Pulses(root / STATE, around.clock))


def open_survey(settings: Settings, library: Library) -> "Survey":
    """Give the one place that finds out how things stand."""
    from backupd.survey import Survey

    orgs, every = tuple(settings.orgs), settings.poll.every
    return Survey(library.archive, library.catalog, library.root, orgs, every, library.clock, library.pulses.of)


@asynccontextmanager
async def open_app(
    settings: Settings, around: Surroundings, *, patience: Patience = ONE_RUN, only: str | None = None
) -> AsyncIterator[App]:
    """Build what runs cycles for all orgs, or `only` one. Raises ConfigurationError, ArchiveUnusable, UsageError."""
    from backupd.archive.room import Room
    from backupd.download import Downloader, Limits
    from backupd.verify import ZipLimits, new_check

    if only is not None and only not in settings.orgs:
        raise UsageError(f"there is no org {only!r}", advice=f"Configured are: {', '.join(sorted(settings.orgs))}.")
    orgs = [only] if only is not None else list(settings.orgs)
    for org in orgs:
        settings.require_credentials(org)
    limits = settings.verify
    async with AsyncExitStack() as stack:
        library = await stack.enter_async_context(open_library(settings, around, read_only=False))
        deadlines = Deadlines(around.clock, around.tell)
        around = around.heard_by(library.pulses, deadlines.hear)
        files = await stack.enter_async_context(_session(settings.download.connections))
        calls = await stack.enter_async_context(_session(2 * len(orgs)))
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
        yield App({org: _cycle(org, shared) for org in orgs}, library, shared.skews)


@asynccontextmanager
async def open_vendor(settings: Settings, around: Surroundings, org: str) -> AsyncIterator["ZohoClient"]:
    """Open the way to one org's vendor, with nothing of the archive but the kept token. Raises ConfigurationError."""
    from backupd.zoho.client import ZohoClient

    account = _account(org, settings)
    async with _session(1) as calls:
        tokens = _tokens(calls, account, settings.archive.root, around)
        yield ZohoClient(calls, account, tokens, patience=ONE_RUN, clock=around.clock, tell=around.tell)


async def authorize(around: Surroundings, accounts_url: str, *, client_id: str, client_secret: str, code: str) -> str:
    """Turn a self client's code into a refresh token. Raises ConfigurationError or VendorError."""
    from backupd.zoho.auth import exchange_code

    async with _session(1) as calls:
        return await exchange_code(
            calls,
            accounts_url=accounts_url,
            client_id=client_id,
            client_secret=client_secret,
            code=code,
            now=around.clock.now,
            learn=around.learn,
        )


async def serve(load: Callable[[], Settings], around: Surroundings, *, on_load: Callable[[Settings], None]) -> Exit:
    """Be the daemon: run cycles until SIGTERM, or Ctrl-C (130); SIGHUP loads the settings again.

    Raises what a start cannot survive.

    `on_load` is called with settings that take force, before anything else uses them.
    """
    from backupd.notify import Outbox, ServiceWatcher, Systemd
    from backupd.service import Generation, Service
    from backupd.settings.service import notify_socket
    from backupd.upkeep import doing, terms_of
    from backupd.web import Front, Place

    watcher = ServiceWatcher(Systemd(notify_socket()))
    front = Front(around.clock, around.tell, __version__)
    heard = around.heard_by(front)
    outbox = Outbox(heard.clock, heard.tell, _session, patience=3.0)
    heard = heard.heard_by(outbox)

    async def generation() -> Generation:
        settings = load()
        stack = AsyncExitStack()
        app = await stack.enter_async_context(open_app(settings, heard, patience=DAEMON))
        on_load(settings)
        watcher.keep_state_in(settings.archive.root / STATE / "service.json")
        web = settings.web
        token = web.token.get_secret_value() if web.token else None
        place = Place(*web.listen, token, web.hosts) if web.listen else None
        await front.show(place, open_survey(settings, app.library))
        await outbox.use(recipients(settings))
        carer = caretaker(app.library, heard)
        chores = [chore for org in app.cycles for chore in carer.chores(org, terms_of(settings, org), app.skews[org])]
        await stack.enter_async_context(doing(chores, heard.clock, heard.tell))
        return Generation(app.cycles, settings.poll.every, settings.poll.jitter, stack.aclose)

    async with outbox, front:
        first = await generation()
        ended_by = await Service(heard.clock, heard.tell, watcher, generation, __version__).run(first)
    return Exit.INTERRUPTED if ended_by == "SIGINT" else Exit.OK


@asynccontextmanager
async def telling(settings: Settings, around: Surroundings) -> AsyncIterator[Surroundings]:
    """Let those hear what happens whom the settings name. Costs nothing where they name nobody."""
    if not settings.message_urls() and not settings.heartbeats():
        yield around
        return
    from backupd.notify import Outbox

    async with Outbox(around.clock, around.tell, _session, patience=20.0) as outbox:
        await outbox.use(recipients(settings))
        yield around.heard_by(outbox)


def recipients(settings: Settings) -> "Recipients":
    """Say whom the settings name. Raises ConfigurationError if a secret file with a name cannot be read."""
    from backupd.notify import Recipients

    return Recipients(settings.message_urls(), settings.heartbeats(), success=settings.notify.success)


async def open_records(org: str, library: Library, around: Surroundings) -> tuple[Journal, Catalog]:
    """Open an org's records for writing, both brought up to date. Call under its lock. Raises ArchiveError."""
    from backupd.upkeep.pruning import finish_drops

    journal = await open_journal(library.root, org, around)
    await library.catalog.catch_up(org, journal)
    await finish_drops(org, library.archive, journal, library.catalog, around.tell)
    return journal, library.catalog


def caretaker(library: Library, around: Surroundings) -> "Caretaker":
    """Give who looks after the snapshots of a library that may be written to."""
    from backupd.upkeep import Caretaker

    root, archive, catalog = library.root, library.archive, library.catalog
    return Caretaker(root, archive, catalog, lambda org: open_records(org, library, around), around.clock, around.tell)


async def rebuild_catalog(settings: Settings, around: Surroundings) -> int:
    """Make the catalog anew from manifests and journals; return how many snapshots it holds."""
    async with open_library(settings, around, read_only=False) as library:
        await library.catalog.rebuild()
        return sum(totals.snapshots for totals in await library.catalog.totals())


# --- the parts of one org -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Shared:
    """What the cycles of all orgs have in common."""

    settings: Settings
    around: Surroundings
    library: Library
    patience: Patience
    calls: "ClientSession"
    downloader: "Downloader"
    deadlines: Deadlines
    skews: dict[str, Callable[[], timedelta | None]] = field(default_factory=dict)


def _cycle(org: str, shared: _Shared) -> Cycle:
    from backupd.download import OrgDownloads
    from backupd.zoho.client import ZohoClient
    from backupd.zoho.gate import Gate

    around, library = shared.around, shared.library
    account = _account(org, shared.settings)
    tokens = _tokens(shared.calls, account, library.root, around)

    vendor = ZohoClient(shared.calls, account, tokens, patience=shared.patience, clock=around.clock, tell=around.tell)
    shared.skews[org] = vendor.clock_skew
    return Cycle(
        org,
        vendor=vendor,
        downloads=OrgDownloads(org, shared.downloader, Gate(account.download_hosts, tokens), shared.patience),
        archive=library.archive,
        open_records=lambda: open_records(org, library, around),
        clock=around.clock,
        tell=around.tell,
        deadlines=shared.deadlines,
        pulse=library.pulses.of,
        wishes=Wishes(shared.settings.poll.expect_every, shared.settings.archive.keep_partial),
    )


def _tokens(calls: "ClientSession", account: "Account", root: Path, around: Surroundings) -> "Tokens":
    from backupd.zoho.auth import Tokens

    cache = root / STATE / f"{account.org}.token"
    return Tokens(calls, account, cache=cache, clock=around.clock, tell=around.tell, learn=around.learn)


def _account(org: str, settings: Settings) -> "Account":
    from backupd.zoho.account import Account
    from backupd.zoho.hosts import DATA_CENTERS

    found, credentials = settings.orgs[org], settings.require_credentials(org)
    place = DATA_CENTERS[found.data_center]
    return Account(
        org,
        accounts_url=found.accounts_url or place.accounts_url,
        api_domain=found.api_domain or place.api_domain,
        download_hosts=found.download_hosts or place.download_hosts,
        client_id=credentials.client_id,
        client_secret=credentials.client_secret,
        refresh_token=credentials.refresh_token,
        api_version=found.api_version,
    )


async def open_journal(root: Path, org: str, around: Surroundings, *, read_only: bool = False) -> Journal:
    """Open an org's journal; for writing, under the org's lock only. Raises ArchiveError."""
    return await Journal.open(root / org / JOURNAL, org=org, clock=around.clock, tell=around.tell, read_only=read_only)


@asynccontextmanager
async def _session(connections: int = 4) -> AsyncIterator["ClientSession"]:
    """Open a session that honours the proxy variables and SSL_CERT_FILE, and keeps no cookies."""
    import aiohttp

    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": f"backupd/{__version__}"},
        trust_env=True,
    ) as session:
        yield session
