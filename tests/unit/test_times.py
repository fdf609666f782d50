"""Instants as text and back, and when a backup was taken."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given

from backupd.core.model import HistoryEntry, Taken, TakenBasis
from backupd.core.times import completed_near, from_text, history_needed_back_to, taken, to_text
from tests.fakes import values
from tests.fakes.values import EXPIRES_AT, TAKEN_AT

LATER = EXPIRES_AT  # some instant after the backup was taken


def _entry(at: datetime | None, state: str | None = "completed", entry_id: str = "1") -> HistoryEntry:
    return HistoryEntry(entry_id, at, state, None)


@given(values.instants)
def test_an_instant_is_read_as_it_was_written(instant):
    assert from_text(to_text(instant)) == instant


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2022-06-30T17:31:03+05:30", datetime(2022, 6, 30, 12, 1, 3, tzinfo=UTC)),
        ("2022-06-30T12:01:03Z", datetime(2022, 6, 30, 12, 1, 3, tzinfo=UTC)),
        ("2022-06-30T12:01:03.25Z", datetime(2022, 6, 30, 12, 1, 3, 250_000, tzinfo=UTC)),
    ],
)
def test_any_offset_is_read_as_utc(text, instant):
    assert from_text(text) == instant
    assert from_text(text).tzinfo is UTC


def test_an_instant_is_written_in_utc():
    india = timezone(timedelta(hours=5, minutes=30))

    assert to_text(datetime(2022, 6, 30, 17, 31, 3, tzinfo=india)) == "2022-06-30T12:01:03Z"


@pytest.mark.parametrize("text", ["", "now", "2022-06-30T12:01:03", "2022-13-30T12:01:03Z", "30.6.2022 12:01 Z"])
def test_what_is_no_instant_is_refused(text):
    with pytest.raises(ValueError, match=r"offset|isoformat|month"):
        from_text(text)


def test_the_vendors_own_record_of_the_run_counts_first():
    history = [_entry(TAKEN_AT + timedelta(days=7)), _entry(TAKEN_AT + timedelta(seconds=2)), _entry(None)]

    assert taken(EXPIRES_AT, LATER, history) == Taken(TAKEN_AT + timedelta(seconds=2), TakenBasis.HISTORY)


def test_without_a_record_the_expiry_tells():
    assert taken(EXPIRES_AT, LATER, []) == Taken(TAKEN_AT, TakenBasis.EXPIRY)


def test_an_expiry_that_points_to_the_future_does_not_count():
    seen = TAKEN_AT - timedelta(days=1)

    assert taken(EXPIRES_AT, seen, []) == Taken(seen, TakenBasis.FIRST_SEEN)


def test_the_nearest_completed_run_is_taken():
    near, nearer = _entry(TAKEN_AT - timedelta(minutes=4)), _entry(TAKEN_AT + timedelta(minutes=3))

    assert completed_near([near, nearer], TAKEN_AT) == nearer


def test_runs_that_are_as_near_do_not_confuse():
    first, second = _entry(TAKEN_AT, entry_id="1"), _entry(TAKEN_AT, entry_id="2")

    assert completed_near([first, second], TAKEN_AT) == first


@pytest.mark.parametrize(
    "entry",
    [
        _entry(TAKEN_AT + timedelta(minutes=10, seconds=1)),
        _entry(TAKEN_AT - timedelta(minutes=10, seconds=1)),
        _entry(TAKEN_AT, "failure"),
        _entry(TAKEN_AT, None),
        _entry(None),
    ],
)
def test_another_run_and_another_event_do_not_match(entry):
    assert completed_near([entry], TAKEN_AT) is None


def test_the_history_is_needed_back_to_where_a_run_could_still_match():
    edge = _entry(history_needed_back_to(EXPIRES_AT))

    assert completed_near([edge], TAKEN_AT) == edge
    assert completed_near([_entry(history_needed_back_to(EXPIRES_AT) - timedelta(seconds=1))], TAKEN_AT) is None
