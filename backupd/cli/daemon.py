"""`backupd` and `backupd --run-once`: the work itself. Needs no command parser, and is loaded without one."""

import asyncio
import signal
import sys

from backupd.app import open_app, serve
from backupd.cli.progress import Bars
from backupd.cli.session import Session
from backupd.cli.short import Work
from backupd.core.exits import Exit


def run(work: Work) -> int:
    """Be the daemon until told to stop, or run one cycle for each org; return the exit status."""
    return asyncio.run(_run_once(work) if work.once else _serve(work))


async def _serve(work: Work) -> int:
    session = Session(work.invocation)
    return await serve(session.load, session.around(), on_load=session.take_force)


async def _run_once(work: Work) -> int:
    """Run the cycles. SIGTERM and Ctrl-C end them in order; what was received is kept."""
    this = asyncio.current_task()
    if this is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    session = Session(work.invocation)
    settings = session.load()
    wanted = sys.stderr.isatty() and not work.invocation.quiet and settings.log.format == "console"
    try:
        with Bars(sys.stderr, wanted=wanted) as bars:
            async with open_app(settings, session.around(bars), only=work.org) as app:
                return await app.run_once()
    except asyncio.CancelledError:
        return Exit.INTERRUPTED
