"""A service that could not do its work, as a whole: told to whom the settings name, as far as they can be read."""

import asyncio
import logging
from collections.abc import Iterator

from backupd.app import Surroundings, tell_of_failure
from backupd.cli import failures
from backupd.cli.session import Session
from backupd.core.errors import ArchiveError, BackupdError, ConfigurationError, Fault
from backupd.core.events import MetricsNotWritten, ServiceFailed
from backupd.core.exits import Exit, worst
from backupd.settings import Settings
from backupd.telemetry import log_event
from backupd.telemetry.log import EVENTS


async def tell(error: Exception, session: Session, *, once: bool) -> Exit | None:
    """Tell watchers, and after a single run people and the metrics' collector, too; log it where the log is JSON.

    A daemon that is started again and again would flood people. Returns the exit status if nothing is left to say.
    """
    told = tuple(_events(error))
    status = worst(Exit(event.exit_status) for event in told)
    settings = session.telling()
    logged = settings.log.format == "json"
    if logged:
        for event in told:
            log_event(event)
        logging.getLogger(EVENTS).debug("error.told", exc_info=error)
    if status is not Exit.USAGE:
        around = session.around()
        await tell_of_failure(settings, around, told, people=once)
        if once:
            await _leave_metrics(settings, status, around)
    return status if logged else None


def _events(error: BaseException) -> Iterator[ServiceFailed]:
    for failure in failures.single(error):
        known = failure if isinstance(failure, BackupdError) else Fault(failures.unexpected(failure))
        problems = known.problems if isinstance(known, ConfigurationError) else (str(known),)
        yield ServiceFailed(known.kind, int(known.exit_status), "; ".join(problems), known.advice)


async def _leave_metrics(settings: Settings, status: Exit, around: Surroundings) -> None:
    """Let no metrics of an older run stand for this one."""
    from backupd.telemetry.textfile import LastRun, text_of, write

    path = settings.metrics.textfile
    if path is None:
        return
    try:
        await asyncio.to_thread(write, path, text_of(None, LastRun(around.clock.now().timestamp(), 0.0, int(status))))
    except ArchiveError as error:
        around.tell(MetricsNotWritten(str(error), error.advice))
