"""A job that is not complete, against the expiry of its links."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupd.core.deadlines import STEPS, Growing, escalate, outlook

EXPIRY = datetime(2022, 6, 30, 12, 1, 3, tzinfo=UTC)
LIFE = timedelta(days=7)
HOUR = timedelta(hours=1)


def before(**duration):
    return EXPIRY - timedelta(**duration)


# --- will it be in time? ------------------------------------------------------------------------------------------


def test_what_is_left_is_held_against_what_is_needed():
    view = outlook([Growing(100, 100), Growing(50, 200)], rate=1.0, expires_at=EXPIRY, now=before(seconds=200))

    assert view.left == timedelta(seconds=200)
    assert view.needed == timedelta(seconds=150)
    assert view.missing == 150
    assert view.in_time is True


def test_too_slow_is_seen_before_it_is_too_late():
    assert outlook([Growing(0, 7200)], rate=1.0, expires_at=EXPIRY, now=before(hours=1)).in_time is False


def test_just_in_time_is_in_time():
    assert outlook([Growing(0, 3600)], rate=1.0, expires_at=EXPIRY, now=before(hours=1)).in_time is True


def test_a_file_of_unknown_size_counts_as_an_average_one():
    files = [Growing(100, 100), Growing(300, 300), Growing(20, None)]

    assert outlook(files, rate=10.0, expires_at=EXPIRY, now=before(hours=1)).missing == 180


@pytest.mark.parametrize(
    ("files", "rate"),
    [
        ([Growing(5, None)], 10.0),  # no size known
        ([Growing(5, 10)], None),  # nothing came yet
        ([Growing(5, 10)], 0.0),
        ([Growing(10, 10), Growing(50, None)], 10.0),  # larger than an average one already
    ],
)
def test_what_nobody_can_say_is_not_said(files, rate):
    view = outlook(files, rate=rate, expires_at=EXPIRY, now=before(hours=1))

    assert view.needed is None
    assert view.in_time is None


def test_a_whole_job_needs_nothing():
    assert outlook([Growing(10, 10)], rate=None, expires_at=EXPIRY, now=before(hours=1)).needed == timedelta(0)


@given(
    st.lists(st.builds(Growing, st.integers(0, 10**13), st.none() | st.integers(0, 10**13)), max_size=6),
    st.none() | st.floats(1e-300, 1e12),
    st.timedeltas(-LIFE, LIFE),
)
def test_every_job_has_an_outlook(files, rate, left):
    view = outlook(files, rate=rate, expires_at=EXPIRY, now=EXPIRY - left)

    assert view.left >= timedelta(0)
    assert view.needed is None or view.needed >= timedelta(0)
    assert view.missing is None or view.missing >= 0


# --- when it is said ----------------------------------------------------------------------------------------------


def told_over(instants, expiry=EXPIRY):
    state, told = None, []
    for now in instants:
        state, step = escalate(state, expires_at=expiry, now=now)
        told.extend([step] if step else [])
    return told


def test_each_step_is_told_when_its_hour_comes_and_once():
    halfhours = [before(minutes=30 * n) for n in range(14 * 24, -10, -1)]

    assert told_over(halfhours) == list(STEPS)
    assert [step / HOUR for step in STEPS] == [72, 24, 6, 1]


def test_long_before_the_expiry_nothing_is_told():
    assert escalate(None, expires_at=EXPIRY, now=before(hours=72, seconds=1)) == (None, None)


def test_after_being_away_only_the_most_urgent_step_is_told():
    assert told_over([before(hours=100), before(hours=5)]) == [timedelta(hours=6)]


def test_after_the_expiry_nothing_is_escalated():
    assert told_over([EXPIRY, EXPIRY + HOUR]) == []


def test_an_expiry_that_moved_back_is_a_new_deadline():
    state, _ = escalate(None, expires_at=EXPIRY, now=before(hours=5))

    state, step = escalate(state, expires_at=EXPIRY + LIFE, now=before(hours=5))
    assert (state, step) == (None, None)

    assert escalate(state, expires_at=EXPIRY + LIFE, now=EXPIRY + LIFE - HOUR)[1] == HOUR


@pytest.mark.parametrize("moved", [timedelta(seconds=40), HOUR])
def test_an_expiry_that_wavers_tells_nothing_twice(moved):
    state, first = escalate(None, expires_at=EXPIRY, now=before(hours=6))
    state, second = escalate(state, expires_at=EXPIRY + moved, now=before(hours=6, seconds=-1))

    assert (first, second) == (timedelta(hours=6), None)


@given(st.lists(st.timedeltas(-LIFE, 2 * LIFE), max_size=40))
def test_whenever_it_is_looked_at_each_step_is_told_at_most_once_in_order(lefts):
    told = told_over(EXPIRY - left for left in sorted(lefts, reverse=True))

    assert told == sorted(set(told), reverse=True)


@given(st.lists(st.timedeltas(-LIFE, 2 * LIFE), max_size=40))
def test_a_clock_that_jumps_about_tells_no_step_twice(lefts):
    told = told_over(EXPIRY - left for left in lefts)

    assert len(told) == len(set(told))
