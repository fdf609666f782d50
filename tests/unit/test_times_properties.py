"""When a backup was taken, whatever vendor and clock say."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupd.core.model import HistoryEntry, TakenBasis
from backupd.core.times import LINK_LIFE, TOLERANCE, completed_near, from_text, taken

EXPECTED = datetime(2022, 6, 23, 12, 1, 3, tzinfo=UTC)
EXPIRY = EXPECTED + LINK_LIFE

instants = st.timedeltas(timedelta(days=-30), timedelta(days=30)).map(lambda apart: EXPECTED + apart)
near = st.timedeltas(-2 * TOLERANCE, 2 * TOLERANCE).map(lambda apart: EXPECTED + apart)
entries = st.builds(
    HistoryEntry, st.just("1"), st.none() | near | instants, st.sampled_from(["completed", "failure", None]), st.none()
)
histories = st.lists(entries, max_size=10)


@given(histories)
def test_the_run_that_is_found_is_completed_near_and_nearest(history):
    found = completed_near(history, EXPECTED)

    fitting = [
        abs(entry.at - EXPECTED)
        for entry in history
        if entry.at is not None and entry.state == "completed" and abs(entry.at - EXPECTED) <= TOLERANCE
    ]
    assert (found is None) == (not fitting)
    if found is not None and found.at is not None:
        assert abs(found.at - EXPECTED) == min(fitting)


@given(instants, histories)
def test_a_backup_was_not_taken_after_it_was_seen_unless_the_vendor_says_so(first_seen, history):
    when = taken(EXPIRY, first_seen, history)

    assert when.at <= first_seen or when.basis is TakenBasis.HISTORY
    assert when.basis is not TakenBasis.HISTORY or abs(when.at - EXPECTED) <= TOLERANCE


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00", "0001-06-01T00:00:00Z"])
def test_an_instant_at_the_calendars_edge_is_refused_so_that_no_sum_overflows(text):
    with pytest.raises(ValueError, match="edge"):
        from_text(text)


@given(st.datetimes(timezones=st.timezones()))
def test_every_instant_that_is_read_leaves_room_for_sums(instant):
    try:
        read = from_text(instant.isoformat())
    except ValueError:
        return
    assert read - LINK_LIFE - TOLERANCE < read < read + LINK_LIFE + timedelta(days=300)
