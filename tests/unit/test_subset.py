"""A part of all files: `--subset N/T`."""

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupd.core.model import FileId, Kind
from backupd.core.subset import Subset

SNAPSHOT = PurePosixPath("main/2022/2022-06-23_4876876000001594004")


def file(name, kind=Kind.DATA):
    return FileId(kind, name)


@pytest.mark.parametrize(("text", "part", "parts"), [("1/1", 1, 1), ("3/7", 3, 7), (" 2/2 ", 2, 2)])
def test_a_part_is_read(text, part, parts):
    assert Subset.parse(text) == Subset(part, parts)
    assert str(Subset.parse(text)) == text.strip()


@pytest.mark.parametrize("text", ["", "1", "0/4", "5/4", "-1/4", "1/0", "1/4/2", "a/b", "1.5/4", "٣/٤", "1/9999999"])
def test_what_is_no_part_is_refused_with_what_to_write(text):
    with pytest.raises(ValueError, match="write N/T"):
        Subset.parse(text)


@given(st.text(min_size=1).filter(lambda text: text.isprintable()), st.sampled_from(Kind), st.integers(1, 50))
def test_each_file_is_in_exactly_one_part(name, kind, parts):
    holding = [part for part in range(1, parts + 1) if Subset(part, parts).holds(SNAPSHOT, file(name, kind))]

    assert len(holding) == 1


def test_a_file_stays_in_its_part_in_every_run_and_every_version():
    assert [part for part in range(1, 8) if Subset(part, 7).holds(SNAPSHOT, file("Data_001.zip"))] == [1]


@pytest.mark.parametrize("parts", [2, 3, 4, 7, 16])
def test_the_parts_are_about_equal(parts):
    files = [
        (PurePosixPath("main", "2022", f"2022-06-23_{job}"), file(f"{kind}_{number:03}.zip", kind))
        for job in range(100)
        for kind in Kind
        for number in range(1, 21)
    ]

    sizes = [sum(Subset(part, parts).holds(*each) for each in files) for part in range(1, parts + 1)]

    assert sum(sizes) == len(files)
    assert max(sizes) - min(sizes) <= 0.25 * len(files) / parts
