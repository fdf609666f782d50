"""A terminal of any width, as far as a program can tell."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from select import select

_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_PATIENCE = 60  # seconds for one answer


@contextmanager
def terminal(columns: int) -> Iterator[tuple[int, int]]:
    """Open one; what a program writes to the second can be read from the first."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    try:
        yield ours, theirs
    finally:
        os.close(ours)


def run_on_a_terminal(
    command: Sequence[str | Path], environment: Mapping[str, str], *, columns: int = 80
) -> tuple[str, int]:
    """Run a command, and give what it showed, with its control codes, and its exit status."""
    kept = {name: value for name, value in environment.items() if name not in {"COLUMNS", "LINES"}}
    with terminal(columns) as (ours, theirs):
        with subprocess.Popen(
            command, env=kept | {"TERM": "xterm-256color"}, stdin=theirs, stdout=theirs, stderr=theirs
        ) as process:
            os.close(theirs)
            shown = b"".join(_pieces(ours))
        return shown.decode(errors="replace"), process.returncode


def plain(shown: str) -> str:
    """Take colours and the like out of what was shown."""
    return _CODES.sub("", shown).replace("\r\n", "\n")


def read_until(ours: int, words: str) -> str:
    """Read until the words appear."""
    shown = ""
    while words not in shown:
        assert select([ours], [], [], _PATIENCE)[0], shown
        shown += plain(os.read(ours, 4096).decode(errors="replace"))
    return shown


def _pieces(ours: int) -> Iterator[bytes]:
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other side was closed
            return
        if not piece:
            return
        yield piece
