"""Asks a person: yes or no, or for something secret. Questions go to standard error, so that answers can be piped.

Ctrl-C ends a question at once: while one is open, it is not left to the event loop, which would wait for the answer.
"""

import getpass
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from backupd.core.errors import UsageError

_YES = frozenset({"y", "yes"})


def confirm(question: str, *, otherwise: str) -> bool:
    """Ask, and tell whether the answer was yes. Raises UsageError if nobody is there; `otherwise` says what to do."""
    if not sys.stdin.isatty():
        raise UsageError("this wants a yes, and standard input is not a terminal", advice=otherwise)
    with _interruptible():
        sys.stderr.write(f"{question} [y/N] ")
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in _YES


def secret(what: str) -> str:
    """Ask for a text without showing it; from a pipe, take its next line. Raises UsageError if there is none."""
    with _interruptible():
        try:
            text = getpass.getpass(f"{what}: ") if sys.stdin.isatty() else sys.stdin.readline()
        except EOFError:
            text = ""
    if not text.strip():
        raise UsageError(f"{what}: nothing was given", advice="Paste it at the prompt, or pipe it in as one line.")
    return text.strip()


@contextmanager
def _interruptible() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
