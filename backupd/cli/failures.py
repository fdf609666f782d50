"""One line for each failure, `backupd: <what happened, where>; <advice>`, and the one exit status that stands for all.

Texts of exceptions that are not ours are not shown: they may hold a link or a token. The log shows them, redacted, with
their traceback, if its level is `debug`.
"""

import logging
import traceback
from collections.abc import Iterator
from typing import TextIO

from backupd.cli.shown import printable
from backupd.core.errors import BackupdError, ConfigurationError
from backupd.core.exits import Exit, worst

_log = logging.getLogger("backupd")


def tell(error: BaseException, to: TextIO) -> Exit:
    """Write a line for each failure in `error`, and return the exit status."""
    failures = tuple(single(error))
    for failure in failures:
        to.writelines(f"{line}\n" for line in lines(failure))
        _log.debug("error.told", exc_info=failure)
    return worst(_status(failure) for failure in failures)


def lines(failure: BaseException) -> Iterator[str]:
    """Put one failure into words; a wrong configuration has a line for each problem."""
    match failure:
        case ConfigurationError():
            yield from (f"backupd: {joined(problem, failure.advice)}" for problem in failure.problems)
        case BackupdError():
            yield f"backupd: {joined(str(failure), failure.advice)}"
        case _:
            what = unexpected(failure)
            yield f'backupd: {what}; this is a fault of backupd; `level = "debug"` under [log] shows the way there'


def unexpected(failure: BaseException) -> str:
    """Say what is a fault of ours, and where."""
    return f"unexpected {type(failure).__name__} in {_place(failure)}"


def single(error: BaseException) -> Iterator[BaseException]:
    """Yield each failure of a group, or the only one."""
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from single(part)
    else:
        yield error


def _status(failure: BaseException) -> Exit:
    match failure:
        case BackupdError():
            return failure.exit_status
        case KeyboardInterrupt():
            return Exit.INTERRUPTED
        case _:
            return Exit.INCOMPLETE


def joined(what: str, advice: str) -> str:
    """Put what happened and what to do into one line."""
    return printable(f"{what.rstrip('. ')}; {_within_sentence(advice)}" if advice else what)


def _within_sentence(advice: str) -> str:
    """Begin small after a semicolon, except where the first word is a name (`ZohoCRM`, `API`, …)."""
    first = advice.split(maxsplit=1)[0]
    return advice if first[1:] != first[1:].lower() or len(first) == 1 else advice[0].lower() + advice[1:]


def _place(failure: BaseException) -> str:
    while failure.__cause__ is not None:
        failure = failure.__cause__
    frames = traceback.extract_tb(failure.__traceback__)
    ours = [frame for frame in frames if "backupd" in frame.filename] or list(frames)
    if not ours:
        return "an unknown place"
    return f"{ours[-1].filename.rpartition('backupd/')[2]}, line {ours[-1].lineno}"
