"""Downloads as bars on a terminal: a listener to events, like the log. Elsewhere the log's lines say it all.

One bar a file under way, and one for all of them; finished files make room. Nothing is drawn while nothing is going on.
"""

import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from backupd.core import events
from backupd.core.figures import rate, short, size

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.progress import Progress, TaskID

_NAME_WIDTH = 24
_BAR_WIDTH = 9  # so that a line with resumed bytes fits 80 columns


@dataclass(slots=True)
class _Bar:
    """One file under way."""

    task: "TaskID"
    received: int = 0
    total: int | None = None
    rate: float = 0.0


class Bars(AbstractContextManager["Bars"]):
    """Draws downloads on a stream; an event handed in changes the picture.

    What is written to stdout and stderr meanwhile appears above it. The library is loaded when the first file starts.
    """

    def __init__(self, stream: TextIO, *, wanted: bool = True) -> None:
        self._stream = stream
        self._wanted = wanted
        self._made: Progress | None = None
        self._bars: dict[tuple[str, str, str], _Bar] = {}
        self._done = 0
        self._done_bytes = 0
        self._live = False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_all()

    def __rich__(self) -> "RenderableType":
        """Give the picture as it is now."""
        return self._progress.get_renderable()

    def __call__(self, event: events.Event) -> None:
        """Take note of what happened."""
        if not self._wanted:
            return
        match event:
            case events.FileStarted():
                self._start((event.org, event.job_id, event.file))
            case events.FileProgress():
                self._move(event)
            case events.FileVerified():
                self._end((event.org, event.job_id, event.file), size=event.size)
            case events.FileFailed() | events.FileRejected():
                self._end((event.org, event.job_id, event.file))
            case events.CycleFinished():
                self._end_all(event.org)
            case _:
                pass

    @property
    def _progress(self) -> "Progress":
        if self._made is None:
            self._made = _progress(self._stream)
            self._all = self._add("", visible=False)
        return self._made

    def _start(self, key: tuple[str, str, str]) -> None:
        if key not in self._bars:
            self._bars[key] = _Bar(self._add(short(key[2])))
        if not self._live:
            self._live = True
            self._progress.start()
        self._sum_up()

    def _move(self, event: events.FileProgress) -> None:
        bar = self._bars.get((event.org, event.job_id, event.file))
        if bar is None:
            return
        bar.received, bar.total, bar.rate = event.received, event.total, event.rate
        self._draw(bar.task, bar.received, bar.total, bar.rate)
        if event.resumed:
            self._progress.update(bar.task, resumed=f"resumed {size(event.resumed)}")
        self._sum_up()

    def _end(self, key: tuple[str, str, str], *, size: int | None = None) -> None:
        """Take a bar away; with a size, its file is done."""
        bar = self._bars.pop(key, None)
        if bar is None:
            return
        self._progress.remove_task(bar.task)
        if size is not None:
            self._done += 1
            self._done_bytes += size
        self._sum_up()

    def _end_all(self, org: str | None = None) -> None:
        """Take an org's bars away, or all; and the picture, until the next file starts, if nothing is left to show."""
        for key in [key for key in self._bars if org in (None, key[0])]:
            self._end(key)
        if self._live and not self._bars:
            self._done = self._done_bytes = 0
            self._live = False
            self._progress.stop()

    def _sum_up(self) -> None:
        """Show all files together that were started; how many are still to come is not known here."""
        bars = self._bars.values()
        totals = [bar.total for bar in bars if bar.total is not None]
        known = len(totals) == len(bars)
        self._draw(
            self._all,
            self._done_bytes + sum(bar.received for bar in bars),
            self._done_bytes + sum(totals) if known else None,
            sum(bar.rate for bar in bars),
        )
        self._progress.update(
            self._all,
            description=f"{self._done} done, {len(bars)} under way",
            visible=self._done + len(bars) > 1,
        )

    def _add(self, description: str, *, visible: bool = True) -> "TaskID":
        if len(description) > _NAME_WIDTH:
            description = "…" + description[1 - _NAME_WIDTH :]
        return self._progress.add_task(
            description, total=None, visible=visible, amount="", rate="", left="", resumed=""
        )

    def _draw(self, task: "TaskID", received: int, total: int | None, speed: float) -> None:
        self._progress.update(
            task,
            completed=received,
            total=total,
            amount=_amount(received, total),
            rate=rate(speed) if speed else "",
            left=_left(total - received, speed) if total is not None and speed else "",
        )


def _progress(stream: TextIO) -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=_BAR_WIDTH),
        TextColumn("{task.fields[amount]}", justify="right", markup=False),
        TextColumn("{task.fields[rate]}", justify="right", markup=False),
        TextColumn("{task.fields[left]}", justify="right", markup=False),
        TextColumn("{task.fields[resumed]}", markup=False),
        console=Console(file=stream),
        transient=True,
        refresh_per_second=4,
        redirect_stdout=sys.stdout.isatty(),
    )


def _amount(received: int, total: int | None) -> str:
    """Write `4.2/12.3 MB`; the total's unit stands for both."""
    if total is None:
        return size(received)
    number, unit = size(total).split()
    scale = total / float(number) if total else 1.0
    return f"{received / scale:.{0 if unit == 'B' else 1}f}/{number} {unit}"


def _left(missing: int, speed: float) -> str:
    """Write the time left as a clock does: `0:07`, `2:15:00`."""
    minutes, seconds = divmod(round(missing / speed), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
