import contextlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupd.core.quantities import parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10s", 10),
        ("15m", 900),
        ("36h", 129_600),
        ("7d", 604_800),
        ("2w", 1_209_600),
        ("1h30m", 5_400),
        (" 1 h 30 m ", 5_400),
        ("1.5h", 5_400),
        ("0s", 0),
        ("15M", 900),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text, seconds):
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "15", "m", "15 minutes", "-5m", "5m-", "1,5h", "PT5M", "nan", "1e3s", "٣s", "15mm"]
)
def test_anything_else_is_told_how_to_write_a_duration(text):
    with pytest.raises(ValueError, match="such as 10s, 15m, 36h or 7d"):
        parse_duration(text)


def test_a_duration_that_no_clock_can_hold_is_refused():
    with pytest.raises(ValueError, match="longer than a century"):
        parse_duration("999999999999999w")
    with pytest.raises(ValueError, match="longer than a century"):
        parse_duration("36501d")

    assert parse_duration("36500d").days == 36500


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("50MB", 50_000_000),
        ("512KiB", 524_288),
        ("4096", 4096),
        ("1.5 GB", 1_500_000_000),
        ("2gib", 2**31),
        ("0", 0),
        ("1TB", 10**12),
        ("1TiB", 2**40),
        ("0.1MB", 100_000),
        ("7B", 7),
    ],
)
def test_a_size_is_a_number_and_a_unit_of_1000s_or_1024s(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-1MB", "50 megabytes", "5M", "1e6", "50MB/s", "0x10", "½GB"])
def test_anything_else_is_told_how_to_write_a_size(text):
    with pytest.raises(ValueError, match="such as 512KiB, 50MB or 2GB"):
        parse_size(text)


@given(st.text(max_size=40))
def test_no_text_gets_anything_but_an_answer_or_an_error_that_does_not_repeat_it(text):
    for parse in (parse_duration, parse_size):
        with contextlib.suppress(ValueError):
            parse(text)
        with pytest.raises(ValueError, match=r"^is ") as raised:
            parse(f"hunter2 {text}")
        assert "hunter2" not in str(raised.value)


@given(st.integers(min_value=0, max_value=10**9))
def test_whole_seconds_and_bytes_come_back_exactly(number):
    assert parse_duration(f"{number}s") == timedelta(seconds=number)
    assert parse_size(f"{number}KiB") == number * 1024


@pytest.mark.parametrize(
    ("unit", "size"),
    [("B", 1), ("kB", 10**3), ("MB", 10**6), ("GB", 10**9), ("TB", 10**12), ("KiB", 2**10), ("MiB", 2**20)],
)
def test_each_unit_of_a_size_is_what_it_says(unit, size):
    assert parse_size(f"5{unit}") == 5 * size
