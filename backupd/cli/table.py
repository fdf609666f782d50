"""Answers in rows: tables on a terminal, aligned lines without tabs in a pipe. Both show the same words.

A cell may be marked as good, bad or doubtful; that is colour on a terminal and nothing in a pipe. A terminal that is
too narrow folds texts between words, names last, and loses the columns that can be spared. There may be very many
rows: `write` takes them in pages, each aligned by itself.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, islice
from typing import TYPE_CHECKING, Literal, TextIO

from backupd.cli.failures import joined
from backupd.cli.shown import are_printable, printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

Mood = Literal["plain", "good", "doubtful", "bad"]
_COLOURS = {"plain": "", "good": "green", "doubtful": "yellow", "bad": "bold red"}
_GAP = "  "
_PAGE = 1000  # rows
_INDENT = 2  # of rows below the name of their group
ALL = "-"  # stands where an org would, for what all orgs share


@dataclass(frozen=True, slots=True)
class Cell:
    """A text with a mood; `advice` says what to do about it, on a line of its own where there are lines."""

    text: str
    mood: Mood = "plain"
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column's title; numbers stand at the right."""

    title: str
    right: bool = False
    whole: bool = False  # not folded, as long as another one can be
    spare: bool = False  # left out where there is no room for it


Row = Sequence[str | Cell]
_Cells = Sequence[Cell]


def write(columns: Sequence[Column], rows: Iterable[Row], to: TextIO | None = None, *, titles: bool = True) -> None:
    """Write rows under their titles to `to`, standard output by default; nothing at all if there is no row."""
    to = sys.stdout if to is None else to
    rest = iter(rows)
    while page := list(islice(rest, _PAGE)):
        if to.isatty():
            _write_table(_console(to), columns, _cells(page), titles=titles)
        else:
            to.write(_aligned(columns, page, titles=titles))
        titles = False


def write_groups(columns: Sequence[Column], rows: Iterable[Row], to: TextIO | None = None) -> None:
    """Write rows as `write` does; on a terminal, those that begin alike stand below what they begin with."""
    to = sys.stdout if to is None else to
    cells = _cells(rows)
    if not to.isatty():
        write(columns, cells, to)
        return
    from rich.text import Text

    console = _console(to)
    for place, (name, group) in enumerate(groupby(cells, key=lambda row: row[0].text)):
        if place:
            console.print()
        console.print(Text("all orgs" if name == ALL else printable(name), style="bold"))
        _write_table(console, columns[1:], [row[1:] for row in group], titles=False, indent=_INDENT)


def _cells(rows: Iterable[Row]) -> list[_Cells]:
    return [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in rows]


def _aligned(columns: Sequence[Column], rows: Sequence[Row], *, titles: bool) -> str:
    cells = zip(*rows, strict=True)
    texts = [
        [column.title, *[cell if type(cell) is str else _text(cell) for cell in below]]
        for column, below in zip(columns, cells, strict=True)
    ]
    if not are_printable(chain.from_iterable(texts)):
        texts = [list(map(printable, column)) for column in texts]
    widths = [max(map(len, text)) * (1 if column.right else -1) for column, text in zip(columns, texts, strict=True)]
    line = _GAP.join(f"%{width}s" for width in widths)  # less than nothing: at the left
    lines = [f"{(line % row).rstrip()}\n" for row in zip(*texts, strict=True)]
    return "".join(lines if titles else lines[1:])


def _text(cell: str | Cell) -> str:
    if isinstance(cell, str):
        return cell
    return joined(cell.text, cell.advice) if cell.advice else cell.text


def _console(to: TextIO) -> "Console":
    from rich.console import Console

    return Console(file=to, highlight=False)


def _write_table(
    console: "Console", columns: Sequence[Column], rows: Sequence[_Cells], *, titles: bool, indent: int = 0
) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    shown = _fitting(columns, rows, console.width - indent, titles=titles)
    table = Table(
        box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold", show_header=titles
    )
    for column in (columns[place] for place in shown):
        justify: Literal["left", "right"] = "right" if column.right else "left"
        table.add_column(column.title, justify=justify, overflow="fold", no_wrap=column.whole)
    for row in rows:
        table.add_row(*(Text("\n").join(_lines(row[place])) for place in shown))
    console.print(Padding(table, (0, 0, 0, indent)))


def _lines(cell: Cell) -> "Iterator[Text]":
    from rich.text import Text

    yield Text(printable(cell.text), style=_COLOURS[cell.mood])
    if cell.advice:
        yield Text(f"→ {printable(cell.advice)}", style="dim")


def _fitting(columns: Sequence[Column], rows: Sequence[_Cells], width: int, *, titles: bool) -> list[int]:
    """Choose the columns that are shown: all, or as many as fit; only those that can be spared are left out."""
    widths = [
        max([len(column.title) if titles else 0, *(len(row[place].text) for row in rows)])
        for place, column in enumerate(columns)
    ]
    shown = list(range(len(columns)))
    for place in reversed(range(len(columns))):
        if sum(widths[one] + len(_GAP) for one in shown) - len(_GAP) > width and columns[place].spare:
            shown.remove(place)
    return shown
