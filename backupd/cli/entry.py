"""From a command line to an exit status. Imports late: the daemon and `--run-once` need no command parser."""

import os
import signal
import sys
from collections.abc import Sequence

from backupd.core.exits import Exit


def run(arguments: Sequence[str]) -> int:
    """Do what the command line says and return the exit status; whatever fails is told in one line on stderr."""
    try:
        status = _dispatch(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        return _end_like_others()
    except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001  # the last place: every failure gets its line
        from backupd.cli import failures

        return failures.tell(error, sys.stderr)
    return status


def _dispatch(arguments: Sequence[str]) -> int:
    if list(arguments) in (["--help"], ["-h"]):
        from backupd.cli.help import TEXT

        sys.stdout.write(TEXT)
        return Exit.OK
    from backupd.cli import short

    work = short.read(arguments)
    if work is not None:
        if not work.once:
            _take_signals()
        from backupd.cli import daemon

        return daemon.run(work)
    from backupd.cli import commands

    return commands.run(arguments)


def _take_signals() -> None:
    """Let the daemon end in order by SIGTERM while it starts, and let SIGHUP, which would kill it, wait.

    Its loop takes the signals over, and reads the settings again at a SIGHUP, also at one that waited.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(Exit.OK))
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGHUP,))


def _end_like_others() -> int:
    """End as programs do whose reader went away (`backupd list | head`): by SIGPIPE, without a word."""
    sys.stdout = None
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGPIPE)
    return Exit.INTERRUPTED
