"""How far `verify` is, as a bar on a terminal."""

import sys
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress


class Meter(AbstractContextManager["Meter"]):
    """Draws how many bytes of how many were read, on a terminal."""

    def __init__(self, stream: TextIO, total: int, *, wanted: bool = True) -> None:
        self._progress = _meter(stream) if wanted and stream.isatty() and total else None
        self._task = self._progress.add_task("", total=total) if self._progress else None
        if self._progress:
            self._progress.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress:
            self._progress.stop()

    def advance(self, count: int) -> None:
        """Take note of more bytes; any thread may say so."""
        if self._progress and self._task is not None:
            self._progress.advance(self._task, count)


def _meter(stream: TextIO) -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    return Progress(
        BarColumn(bar_width=30),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(file=stream),
        transient=True,
        refresh_per_second=4,
        redirect_stdout=sys.stdout.isatty(),
    )
