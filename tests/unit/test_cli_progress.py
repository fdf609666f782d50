"""What the download bars show, read off a recorded terminal."""

import io

import pytest
from rich.console import Console

from backupd.cli.progress import Bars
from backupd.core import events
from backupd.core.figures import short

FILE = ("main", "4004", "data/Data_001.zip")


def _progress(*, received, total=12_300_000, resumed=0, rate=8_100_000.0, file=FILE):
    org, job_id, name = file
    return events.FileProgress(org, job_id, name, received, total, resumed, rate)


def _picture(bars):
    to = io.StringIO()
    Console(file=to, width=80, color_system=None).print(bars)
    return to.getvalue()


def test_a_file_shows_amount_rate_time_left_and_resumed_bytes():
    with Bars(io.StringIO()) as bars:
        bars(events.FileStarted(*FILE))
        bars(_progress(received=6_150_000, resumed=4_200_000))
        picture = _picture(bars)

    line = next(line for line in picture.splitlines() if "Data_001.zip" in line)
    assert "6.2/12.3 MB 8.1 MB/s 0:01 resumed 4.2 MB" in line
    assert len(line.rstrip()) <= 80


def test_a_finished_file_makes_room_and_counts():
    with Bars(io.StringIO()) as bars:
        for name in ("data/Data_001.zip", "attachments/Attachments_001.zip"):
            bars(events.FileStarted("main", "4004", name))
        bars(events.FileVerified(*FILE, size=5, members=1, sha256="", attempts=1, resumed=0, seconds=1.0))
        picture = _picture(bars)

    assert "Data_001.zip" not in picture
    assert "Attachments_001.zip" in picture
    assert "1 done, 1 under way" in picture


def test_a_line_fits_80_columns_with_the_longest_words():
    file = ("main", "4004", "attachments/some very long name that nobody would expect_001.zip")
    with Bars(io.StringIO()) as bars:
        bars(events.FileStarted(*file))
        bars(_progress(received=999_900_000, total=999_900_000, resumed=999_900_000, rate=999.9e6, file=file))
        lines = _picture(bars).splitlines()

    assert all(len(line.rstrip()) <= 80 for line in lines)
    assert lines[0].startswith("…")


def test_an_unknown_length_shows_what_came():
    with Bars(io.StringIO()) as bars:
        bars(events.FileStarted(*FILE))
        bars(_progress(received=4_000, total=None, rate=0.0))
        assert "4.0 kB" in _picture(bars)


def test_the_end_of_a_cycle_takes_the_bars_away():
    with Bars(io.StringIO()) as bars:
        bars(events.FileStarted(*FILE))
        bars(events.CycleFinished("main", "archived", 0, 1, 1, 5, 1.0, ""))
        assert "Data_001.zip" not in _picture(bars)


def test_the_end_of_one_orgs_cycle_leaves_the_other_orgs_bars():
    with Bars(io.StringIO()) as bars:
        bars(events.FileStarted(*FILE))
        bars(events.FileStarted("acme", "5005", "data/Data_001.zip"))
        bars(events.CycleFinished("main", "archived", 0, 1, 1, 5, 1.0, ""))
        assert _picture(bars).count("Data_001.zip") == 1


def test_where_bars_are_not_wanted_nothing_is_drawn():
    to = io.StringIO()
    with Bars(to, wanted=False) as bars:
        bars(events.FileStarted(*FILE))
    assert to.getvalue() == ""


@pytest.mark.parametrize(
    ("file", "shown"),
    [
        ("data/Data_001.zip", "Data_001.zip"),
        ("attachments/Attachments_001.zip", "Attachments_001.zip"),
        ("attachments/Data_001.zip", "attachments/Data_001.zip"),
    ],
)
def test_the_kind_is_left_away_where_the_name_says_it(file, shown):
    assert short(file) == shown
