"""Answers in rows: a table on a terminal, aligned lines without tabs in a pipe. Both show the same words.

A cell may be marked as good, bad or doubtful; that is colour on a terminal and nothing in a pipe.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TextIO

from backupd.cli.failures import printable

Mood = Literal["plain", "good", "doubtful", "bad"]
_COLOURS = {"plain": "", "good": "green", "doubtful": "yellow", "bad": "bold red"}
_GAP = "  "


@dataclass(frozen=True, slots=True)
class Cell:
    """A text with a mood."""

    text: str
    mood: Mood = "plain"


@dataclass(frozen=True, slots=True)
class Column:
    """A column's title; numbers stand at the right."""

    title: str
    right: bool = False


Row = Sequence[str | Cell]


def write(columns: Sequence[Column], rows: Iterable[Row], to: TextIO | None = None, *, titles: bool = True) -> None:
    """Write rows under their titles to `to`, standard output by default; nothing at all if there is no row."""
    to = sys.stdout if to is None else to
    cells = [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in rows]
    if not cells:
        return
    if to.isatty():
        _write_table(columns, cells, to, titles=titles)
    else:
        to.writelines(f"{line}\n" for line in _aligned(columns, cells, titles=titles))


def _aligned(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], *, titles: bool) -> Iterator[str]:
    texts = [[column.title for column in columns], *([printable(cell.text) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    for row in texts if titles else texts[1:]:
        cells = zip(row, widths, columns, strict=True)
        padded = [text.rjust(width) if column.right else text.ljust(width) for text, width, column in cells]
        yield _GAP.join(padded).rstrip()


def _write_table(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], to: TextIO, *, titles: bool) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
        box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold", show_header=titles
    )
    for column in columns:
        table.add_column(column.title, justify="right" if column.right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell.text), style=_COLOURS[cell.mood]) for cell in row))
    Console(file=to, highlight=False).print(table)
