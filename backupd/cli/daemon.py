"""`backupd` and `backupd --run-once`: the work itself. Needs no command parser, and is loaded without one."""

import asyncio
import signal
import sys
from pathlib import Path

from backupd import tls
from backupd.app import Library, open_app, open_survey, serve, telling
from backupd.cli.brief import Brief
from backupd.cli.progress import Bars
from backupd.cli.session import Session
from backupd.cli.short import Work
from backupd.cli.startup import imported
from backupd.core.errors import ArchiveError
from backupd.core.events import MetricsNotWritten, Tell
from backupd.core.exits import Exit
from backupd.settings import Settings
from backupd.telemetry import log_event


def run(work: Work) -> int:
    """Be the daemon until told to stop, or run one cycle for each org; return the exit status."""
    return asyncio.run(_run_once(work) if work.once else _serve(work))


async def _serve(work: Work) -> int:
    session = Session(work.invocation)

    def on_load(settings: Settings) -> None:
        session.take_force(settings)
        imported()

    try:
        tls.import_aiohttp()
        return await serve(session.load, session.around(), on_load=on_load)
    except Exception as error:
        from backupd.cli import breakdown

        status = await breakdown.tell(error, session, once=False)
        if status is None:
            raise
        return status
    finally:  # the loop will let go of the signals; one that comes late must not change how this ends
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT, signal.SIGHUP))


async def _run_once(work: Work) -> int:
    """Run the cycles. SIGTERM and Ctrl-C end them in order; what was received is kept."""
    this = asyncio.current_task()
    if this is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    session = Session(work.invocation)
    try:
        return await _run_cycles(work, session)
    except asyncio.CancelledError:
        return Exit.INTERRUPTED
    except Exception as error:
        from backupd.cli import breakdown

        status = await breakdown.tell(error, session, once=True)
        if status is None:
            raise
        return status


async def _run_cycles(work: Work, session: Session) -> int:
    settings = session.load()
    tls.import_aiohttp()
    quiet, for_people = work.invocation.quiet, settings.log.format == "console"
    brief = Brief(log_event) if quiet and for_people else None
    try:
        with Bars(sys.stderr, wanted=sys.stderr.isatty() and not quiet and for_people) as bars:
            listeners = (bars,) if brief is None else (brief,)
            async with (
                telling(settings, session.around(*listeners, logged=brief is None)) as around,
                open_app(settings, around, only=work.org) as app,
            ):
                imported()
                started = around.clock.monotonic()
                status = await app.run_once()
                if settings.metrics.textfile is not None:
                    seconds = around.clock.monotonic() - started
                    await _leave_metrics(settings, app.library, around.tell, status=status, seconds=seconds)
                return status
    finally:
        if brief is not None:
            brief.write(sys.stderr, session.redactor.text)


async def _leave_metrics(settings: Settings, library: Library, tell: Tell, *, status: Exit, seconds: float) -> None:
    """Leave the run's metrics where the settings say; that they cannot be left is told, and no more."""
    from backupd.telemetry.textfile import LastRun, text_of, write

    run = LastRun(library.clock.now().timestamp(), seconds, int(status))
    try:
        found = await open_survey(settings, library).overview()
        await asyncio.to_thread(write, settings.metrics.textfile or Path(), text_of(found, run))
    except ArchiveError as error:
        tell(MetricsNotWritten(str(error), error.advice))
