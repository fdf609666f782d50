"""How long to wait: doubling, spread, bounded; and when a rejected zip is fetched again."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupd.core.patience import DAEMON, ONE_RUN, back_off, obeyed, retry_rejected
from tests.fakes.values import SEEN_AT

jitters = st.floats(0, 1)


def test_one_run_keeps_to_what_cron_users_are_promised():
    assert (ONE_RUN.call_tries, ONE_RUN.file_tries) == (4, 5)
    assert (ONE_RUN.longest_wait, ONE_RUN.idle_limit) == (60.0, 120.0)


def test_the_daemon_tries_a_file_until_its_links_expire():
    assert DAEMON.file_tries is None
    assert DAEMON.idle_limit is None


def test_the_wait_doubles():
    assert [back_off(n, longest=60, jitter=1.0) for n in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]


@given(st.integers(1, 10_000), st.floats(1, 10_000), jitters)
def test_no_wait_is_longer_than_allowed_nor_shorter_than_half_of_what_is_due(attempt, longest, jitter):
    wait = back_off(attempt, longest=longest, jitter=jitter)

    due = back_off(attempt, longest=longest, jitter=1.0)
    assert due / 2 <= wait <= due <= longest


@pytest.mark.parametrize(
    ("asked", "waited"), [(0.0, 0.0), (299.0, 299.0), (3600.0, 3600.0), (251_606_481_796.0, 3600.0)]
)
def test_a_pause_is_obeyed_for_an_hour_at_most(asked, waited):
    assert obeyed(asked) == waited


@given(st.integers(1, 100), jitters)
def test_no_later_wait_is_due_sooner(attempt, jitter):
    assert back_off(attempt, longest=900, jitter=jitter) <= back_off(attempt + 1, longest=900, jitter=jitter)


@pytest.mark.parametrize(("rejections", "hours"), [(1, 0), (2, 0), (3, 1), (4, 6), (5, 24), (6, 24), (100, 24)])
def test_a_rejected_zip_is_fetched_three_times_at_once_then_ever_later(rejections, hours):
    assert retry_rejected(rejections, SEEN_AT) == SEEN_AT + timedelta(hours=hours)
