"""How figures and rows read."""

import io
from datetime import UTC, datetime, timedelta

import pytest

from backupd.cli import table
from backupd.cli.shown import hide_with
from backupd.cli.table import Cell, Column
from backupd.core import figures
from backupd.telemetry import Redactor

NOW = datetime(2022, 6, 23, 12, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_949, "999.9 kB"), (999_960, "1.0 MB"), (12_345_678, "12.3 MB"),
     (5 * 10**15, "5.0 PB"), (10**19, "10000.0 PB")],
)  # fmt: skip
def test_sizes_have_the_unit_that_fits(count, words):
    assert figures.size(count) == words


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(seconds=-4), "0 seconds"),
        (timedelta(seconds=1), "1 second"),
        (timedelta(seconds=59.6), "1 minute"),
        (timedelta(minutes=90), "1 hour"),
        (timedelta(hours=36), "36 hours"),
        (timedelta(hours=48), "2 days"),
        (timedelta(days=400), "400 days"),
    ],
)
def test_a_span_is_said_in_the_largest_unit_that_says_enough(length, words):
    assert figures.span(length) == words


def test_an_instant_is_in_utc_and_knows_past_and_future():
    assert figures.instant(NOW) == "2022-06-23 12:01Z"
    assert figures.ago(NOW - timedelta(days=3), NOW) == "3 days ago"
    assert figures.ago(NOW + timedelta(minutes=5), NOW) == "in 5 minutes"


def test_a_rate_is_a_size_a_second():
    assert figures.rate(8_100_000) == "8.1 MB/s"


def _written(rows, *, terminal=False):
    to = _Terminal() if terminal else io.StringIO()
    table.write([Column("NAME"), Column("SIZE", right=True)], rows, to)
    return to.getvalue()


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_in_a_pipe_columns_are_aligned_with_spaces_alone():
    assert _written([("Data_001.zip", "1.0 kB"), (Cell("a", "bad"), "12 B")]) == (
        "NAME            SIZE\n"
        "Data_001.zip  1.0 kB\n"
        "a               12 B\n"
    )  # fmt: skip


def test_on_a_terminal_the_same_words_stand_in_a_table(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    shown = _written([(Cell("[red]a", "bad"), "12 B")], terminal=True)

    assert "[red]a" in shown  # text from outside is not markup
    assert "\x1b[1;31m" in shown
    assert "NAME" in shown


def test_very_many_rows_stand_under_their_titles_once():
    lines = _written((str(number), "1 B") for number in range(2_500)).splitlines()

    assert [line.split()[0] for line in lines] == ["NAME", *(str(number) for number in range(2_500))]


def test_without_rows_there_is_nothing():
    assert _written([]) == ""


def test_a_secret_in_a_cell_is_not_shown_and_the_columns_stay_aligned():
    hide_with(Redactor(["1000.5ec2e7"]))

    assert _written([("Data_001.zip", "1.0 kB"), ("of 1000.5ec2e7", "12 B")]) == (
        "NAME             SIZE\n"
        "Data_001.zip   1.0 kB\n"
        "of [redacted]    12 B\n"
    )  # fmt: skip


def test_control_characters_in_a_cell_stay_harmless():
    assert "\x1b" not in _written([("\x1b[2Ja", "1")])
