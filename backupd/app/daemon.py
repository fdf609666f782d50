"""The daemon: everything together, for as long as it is not told to stop."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from backupd import __version__
from backupd.app.cycles import open_app
from backupd.app.library import caretaker, open_survey
from backupd.app.surroundings import Surroundings
from backupd.app.vendor import session
from backupd.archive import is_mount_point
from backupd.core import events
from backupd.core.errors import ConfigurationError
from backupd.core.exits import Exit
from backupd.core.names import STATE
from backupd.core.patience import DAEMON
from backupd.settings import Settings

if TYPE_CHECKING:
    from backupd.notify import Recipients


async def serve(load: Callable[[], Settings], around: Surroundings, *, on_load: Callable[[Settings], None]) -> Exit:
    """Be the daemon: run cycles until SIGTERM, or Ctrl-C (130); SIGHUP loads the settings again.

    Raises what a start cannot survive.

    `on_load` is called with settings that take force, before anything else uses them.
    """
    from backupd.notify import Outbox, ServiceWatcher, Systemd
    from backupd.service import Generation, Service
    from backupd.settings.service import notify_socket, watchdog
    from backupd.upkeep import doing, terms_of
    from backupd.web import Front, Place

    watcher = ServiceWatcher(Systemd(notify_socket()))
    watcher.starting()
    front = Front(around.clock, around.tell, __version__)
    heard = around.heard_by(front, watcher.hear)
    outbox = Outbox(heard.clock, heard.tell, session, heard.clean, patience=3.0)
    heard = heard.heard_by(outbox)

    async def generation() -> Generation:
        settings = load()
        named, page = recipients(settings), settings.page()
        async with AsyncExitStack() as stack:
            app = await stack.enter_async_context(open_app(settings, heard, patience=DAEMON))
            on_load(settings)  # from here on nothing is refused any more
            watcher.keep_state_in(settings.archive.root / STATE / "service.json")
            place = Place(*page[0], page[1], settings.web.hosts) if page else None
            await front.show(place, open_survey(settings, app.library))
            await outbox.use(named)
            carer = caretaker(app.library, heard)
            chores = [
                chore
                for org in sorted({*settings.orgs, *await app.library.archive.orgs()})
                for chore in carer.chores(
                    org, terms_of(settings, org), partial(app.library.skews.of, org), pruned=org in settings.orgs
                )
            ]
            await stack.enter_async_context(doing(chores, heard.clock, heard.tell))
            return Generation(app.cycles, settings.poll.every, settings.poll.jitter, stack.pop_all().aclose)

    async with outbox, front:
        first = await generation()
        service = Service(heard.clock, heard.tell, watcher, generation, __version__, watchdog())
        ended_by = await service.run(first)
    return Exit.INTERRUPTED if ended_by == "SIGINT" else Exit.OK


@asynccontextmanager
async def telling(settings: Settings, around: Surroundings) -> AsyncIterator[Surroundings]:
    """Let those hear what happens whom the settings name. Costs nothing where they name nobody."""
    if not settings.message_urls() and not settings.heartbeats():
        yield around
        return
    from backupd.notify import Outbox

    async with Outbox(around.clock, around.tell, session, around.clean, patience=20.0) as outbox:
        await outbox.use(recipients(settings))
        yield around.heard_by(outbox)


async def tell_of_failure(
    settings: Settings, around: Surroundings, failures: Iterable[events.Event], *, people: bool
) -> None:
    """Tell watchers, and `people` too, as far as the settings say who they are, why nothing is done. Never raises."""
    from backupd.notify import Outbox, Recipients

    urls: tuple[str, ...] = ()
    heartbeats: Mapping[str, str] = {}
    with suppress(ConfigurationError):  # it is told by itself, or among the failures
        heartbeats = settings.heartbeats()
    with suppress(ConfigurationError):
        urls = settings.message_urls() if people else ()
    async with Outbox(around.clock, around.tell, session, around.clean, patience=20.0) as outbox:
        await outbox.use(Recipients(urls, heartbeats, memory=_memory(settings)))
        for failure in failures:
            outbox(failure)


def recipients(settings: Settings) -> "Recipients":
    """Say whom the settings name. Raises ConfigurationError if a secret file with a name cannot be read."""
    from backupd.notify import Recipients

    urls, heartbeats = settings.message_urls(), settings.heartbeats()
    return Recipients(urls, heartbeats, success=settings.notify.success, memory=_memory(settings))


def _memory(settings: Settings) -> Path | None:
    """Say where it is kept what people were told; nowhere if the archive's disk is not there."""
    root = settings.archive.root
    if settings.archive.require_mount and not is_mount_point(root):
        return None
    return root / STATE / "messages.json"
