"""The resume record: what survives a crash, and what does not count."""

import json

import pytest

from backupd.core.http import Version
from backupd.core.ranges import Ranges
from backupd.core.slot import Slot
from backupd.download.record import Kept, Record, Story, read

VERSION = Version('"a"', "Wed, 22 Jun 2022 12:00:00 GMT", 1000, dated=True)
BOOT = "this boot"


@pytest.fixture
def slot(tmp_path):
    slot = Slot(tmp_path / "Data_001.zip.part", tmp_path / "Data_001.zip.resume")
    slot.part.write_bytes(bytes(1000))
    return slot


def write(slot, kept, *facts):
    record = Record(slot, BOOT)
    record.begin(kept)
    for fact in facts:
        fact(record)
    record.close()


def test_what_was_written_is_read_again(slot):
    write(
        slot,
        Kept(VERSION, Ranges.of([(0, 100)]), Ranges.of([(0, 50)]), Story(1, 0, 1.5)),
        lambda record: record.add_range(100, 200),
        lambda record: record.add_range(500, 600),
        lambda record: record.add_synced(Ranges.of([(0, 200)])),
        lambda record: record.add_story(Story(2, 100, 2.5)),
    )

    assert read(slot, BOOT) == Kept(
        VERSION, Ranges.of([(0, 200), (500, 600)]), Ranges.of([(0, 200)]), Story(2, 100, 2.5)
    )


def test_after_another_boot_only_what_was_synced_counts(slot):
    write(
        slot,
        Kept(VERSION),
        lambda record: record.add_range(0, 300),
        lambda record: record.add_synced(Ranges.of([(0, 200)])),
        lambda record: record.add_range(300, 400),
    )

    kept = read(slot, "another boot")

    assert kept is not None
    assert kept.ranges == kept.synced == Ranges.of([(0, 200)])


def test_where_boots_cannot_be_told_apart_nothing_unsynced_counts(slot):
    record = Record(slot, "")
    record.begin(Kept(VERSION))
    record.add_range(0, 300)
    record.close()

    kept = read(slot, "")

    assert kept is not None
    assert kept.ranges == Ranges()


def test_a_torn_last_line_is_left_out(slot):
    write(slot, Kept(VERSION), lambda record: record.add_range(0, 100), lambda record: record.add_range(100, 200))
    whole = slot.resume.read_bytes()

    for cut in range(len(whole)):
        slot.resume.write_bytes(whole[:cut])
        kept = read(slot, BOOT)
        assert kept is None or kept.ranges.spans in ((), ((0, 100),), ((0, 200),))


def test_nothing_counts_behind_a_line_that_cannot_be_read(slot):
    write(slot, Kept(VERSION), lambda record: record.add_range(0, 100))
    with slot.resume.open("ab") as file:
        file.write(b"\0\0\0\0\n[100,200]\n")

    kept = read(slot, BOOT)

    assert kept is not None
    assert kept.ranges == Ranges.of([(0, 100)])


@pytest.mark.parametrize(
    "change",
    [
        {"format": "backupd.resume/9"},
        {"ranges": [[5, 4]]},
        {"ranges": [[0, 1001]]},  # more than the part file holds
        {"ranges": [[0, "a"]]},
        {"total": "1000"},
        {"total": 10, "ranges": [[0, 100]]},
        {"etag": 5},
        {"attempts": None},
        {"attempts": float("inf")},
        {"synced": [[0, float("inf")]]},
    ],
)
def test_a_head_that_makes_no_sense_makes_nothing_count(slot, change):
    write(slot, Kept(VERSION))
    head = json.loads(slot.resume.read_text())
    slot.resume.write_text(json.dumps({**head, **change}) + "\n")

    assert read(slot, BOOT) is None


def test_a_head_that_is_nested_too_deeply_makes_nothing_count(slot):
    slot.resume.write_text("[" * 100_000)

    assert read(slot, BOOT) is None


def test_without_the_part_file_the_record_is_nothing(slot):
    write(slot, Kept(VERSION), lambda record: record.add_range(0, 100))
    slot.part.unlink()

    assert read(slot, BOOT) is None
