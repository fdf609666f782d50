"""What a manifest says at first, and after files were added."""

from dataclasses import replace
from datetime import timedelta

import pytest

from backupd.core.manifest import ManifestFile
from backupd.core.model import Schedule, Taken, TakenBasis
from backupd.core.revise import Circumstances, first, missing_from, revised
from tests.fakes.values import EXPIRES_AT, JOB, SEEN_AT, TAKEN_AT, attachments, data, received

FACTS = Circumstances("main", JOB, Taken(TAKEN_AT, TakenBasis.EXPIRY), EXPIRES_AT, SEEN_AT, None, "1.0")
ONE, TWO, THREE = (
    ManifestFile(received(file, b"zip"), SEEN_AT) for file in (data("a.zip"), attachments("a.zip"), data("b.zip"))
)
LATER = SEEN_AT + timedelta(hours=1)


def test_the_first_revision_lists_its_files_in_order():
    made = first(FACTS, [TWO, ONE], archived_at=LATER)

    assert made.revision == 1
    assert made.files == (ONE, TWO)
    assert (made.archived_at, made.first_seen_at) == (LATER, SEEN_AT)


def test_an_added_file_raises_the_revision_and_keeps_what_was_there():
    made = revised(first(FACTS, [ONE, TWO], archived_at=LATER), FACTS, [THREE])

    assert made.revision == 2
    assert made.files == (ONE, THREE, TWO)
    assert made.archived_at == LATER


@pytest.mark.parametrize(
    ("before", "now", "kept"),
    [
        (TakenBasis.EXPIRY, TakenBasis.HISTORY, "now"),
        (TakenBasis.FIRST_SEEN, TakenBasis.EXPIRY, "now"),
        (TakenBasis.HISTORY, TakenBasis.EXPIRY, "before"),
        (TakenBasis.EXPIRY, TakenBasis.EXPIRY, "before"),
    ],
)
def test_only_a_better_known_time_replaces_the_one_there(before, now, kept):
    old = first(replace(FACTS, taken=Taken(TAKEN_AT, before)), [ONE], archived_at=LATER)
    better = Taken(TAKEN_AT + timedelta(seconds=9), now)

    made = revised(old, replace(FACTS, taken=better), [TWO])

    assert made.taken == (better if kept == "now" else old.taken)


def test_the_schedule_is_told_as_it_stood_at_first():
    old, new = Schedule("1", "SCHEDULED"), Schedule("2", "STOPPED")
    with_schedule = first(replace(FACTS, schedule=old), [ONE], archived_at=LATER)

    assert revised(with_schedule, replace(FACTS, schedule=new), [TWO]).schedule == old
    assert revised(replace(with_schedule, schedule=None), replace(FACTS, schedule=new), [TWO]).schedule == new


def test_a_later_expiry_counts_and_an_earlier_one_does_not():
    old = first(FACTS, [ONE], archived_at=LATER)
    day = timedelta(days=1)

    assert revised(old, replace(FACTS, expires_at=EXPIRES_AT + day), [TWO]).expires_at == EXPIRES_AT + day
    assert revised(old, replace(FACTS, expires_at=EXPIRES_AT - day), [TWO]).expires_at == EXPIRES_AT


def test_what_is_listed_is_not_missing():
    made = first(FACTS, [ONE, TWO], archived_at=LATER)

    assert missing_from(made, [TWO, THREE, ONE]) == (THREE,)
