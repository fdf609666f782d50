"""What the bar of `verify` shows, and where it shows nothing."""

import io
import re

import pytest

from backupd.cli.meter import Meter


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def drawn(stream, *, total=1_000_000, wanted=True) -> str:
    with Meter(stream, total, wanted=wanted) as meter:
        meter.advance(250_000)
        meter.advance(250_000)
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", stream.getvalue())


def test_on_a_terminal_a_bar_shows_amount_rate_and_time_left(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")

    assert re.search(r"0\.5/1\.0 MB [\d.]+ .?B/s 0:00:0\d", drawn(Terminal()))


@pytest.mark.parametrize(
    ("stream", "total", "wanted"), [(io.StringIO(), 1, True), (Terminal(), 0, True), (Terminal(), 1, False)]
)
def test_in_a_pipe_or_with_nothing_to_read_or_if_it_shall_be_quiet_there_is_no_bar(stream, total, wanted):
    assert drawn(stream, total=total, wanted=wanted) == ""
