"""Sizes over time as the geometry of a bar chart; the template draws it as SVG, in units of its view box."""

from collections.abc import Sequence
from dataclasses import dataclass

from backupd.core.figures import size
from backupd.core.listing import SnapshotRow

WIDE, NARROW = 640.0, 300.0  # for a desk, and for a hand
HEIGHT = 180.0
_LEFT, _TOP, _BOTTOM = 64.0, 8.0, 22.0  # room for the figures
_WIDEST, _NARROWEST = 28.0, 9.0  # a bar, where there are few and where there are many
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)  # round figures for the lines


@dataclass(frozen=True, slots=True)
class Bar:
    """One snapshot."""

    x: float
    y: float
    width: float
    height: float
    row: SnapshotRow
    label: str  # for people who cannot see it, and for the pointer


@dataclass(frozen=True, slots=True)
class Line:
    """A line across, with its figure."""

    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A date below the bars."""

    x: float
    label: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Chart:
    """What to draw."""

    bars: tuple[Bar, ...]
    lines: tuple[Line, ...]
    ticks: tuple[Tick, ...]
    width: float
    height: float = HEIGHT
    left: float = _LEFT
    bottom: float = HEIGHT - _BOTTOM


def chart(rows: Sequence[SnapshotRow], *, width: float = WIDE) -> Chart | None:
    """Lay the snapshots out, oldest first, the newest of them if not all fit; None if there is nothing to compare."""
    rows = rows[-int((width - _LEFT) / _NARROWEST) :]
    if not rows or not (largest := max(row.size for row in rows)):
        return None
    step = _round_step(largest)
    top = step * -(-largest // step)
    space = (width - _LEFT) / max(len(rows), 8)
    bars = tuple(_bar(row, number, space, top) for number, row in enumerate(rows))
    lines = tuple(Line(_y(step * number, top), size(step * number)) for number in range(int(top / step) + 1))
    return Chart(bars, lines, _ticks(bars, width), width)


def _bar(row: SnapshotRow, number: int, space: float, top: float) -> Bar:
    width = min(space * 0.72, _WIDEST)
    y = _y(row.size, top)
    label = f"{row.taken.at:%Y-%m-%d}: {size(row.size)}"
    x = _LEFT + space * number + (space - width) / 2
    return Bar(round(x, 2), round(y, 2), round(width, 2), round(max(HEIGHT - _BOTTOM - y, 1.0), 2), row, label)


def _ticks(bars: Sequence[Bar], width: float) -> tuple[Tick, ...]:
    """Name the first and the last bar's day, and one between if there is room."""
    chosen = {0: "start", len(bars) - 1: "end"} if len(bars) > 1 else {0: "start"}
    if len(bars) > 8 and width >= WIDE:  # noqa: PLR2004 (fewer bars leave no room for a third date)
        chosen[len(bars) // 2] = "middle"
    return tuple(_tick(bars[number], anchor) for number, anchor in sorted(chosen.items()))


def _tick(bar: Bar, anchor: str) -> Tick:
    x = {"start": bar.x, "end": bar.x + bar.width}.get(anchor, bar.x + bar.width / 2)
    return Tick(round(x, 2), f"{bar.row.taken.at:%Y-%m-%d}", anchor)


def _y(count: float, top: float) -> float:
    return round(HEIGHT - _BOTTOM - (HEIGHT - _BOTTOM - _TOP) * count / top, 2)


def _round_step(largest: int) -> float:
    """Return a round figure that goes into the largest two to five times."""
    power = 10.0 ** (len(str(largest)) - 1)
    steps = [step * scale for scale in (power / 10, power) for step in _STEPS]
    return next(step for step in steps if largest / step <= 4)  # noqa: PLR2004 (lines, at most, above the ground)
