"""How often a file is tried, and how long between tries."""

from datetime import UTC, datetime, timedelta

import pytest

from backupd.core.patience import DAEMON, ONE_RUN
from backupd.download.tries import GiveUp, Tries, Wait

NOW = datetime(2022, 6, 24, 12, 0, tzinfo=UTC)
DEADLINE = NOW + timedelta(days=5)


def fail(tries, *, pause=None, now=0.0, wall=NOW):
    return tries.after_failure(pause, jitter=1.0, now=now, wall=wall)


def test_waits_grow_until_the_tries_are_spent():
    tries = Tries(ONE_RUN, DEADLINE, now=0.0)

    assert [fail(tries) for _ in range(4)] == [Wait(1.0), Wait(2.0), Wait(4.0), Wait(8.0)]
    assert isinstance(fail(tries), GiveUp)


def test_a_byte_further_than_ever_begins_the_count_anew():
    tries = Tries(ONE_RUN, DEADLINE, now=0.0)
    for furthest in range(1, 100):
        fail(tries)
        assert tries.reached(furthest)

    assert fail(tries) == Wait(1.0)


def test_bytes_that_were_had_before_do_not():
    tries = Tries(ONE_RUN, DEADLINE, now=0.0)
    tries.reached(500)
    for _ in range(4):
        assert isinstance(fail(tries), Wait)
        assert not tries.reached(500)

    assert isinstance(fail(tries), GiveUp)


def test_two_minutes_without_a_byte_end_one_run():
    tries = Tries(ONE_RUN, DEADLINE, now=0.0)

    assert isinstance(fail(tries, now=119.5), GiveUp)


def test_the_daemon_stretches_its_tries_to_the_deadline_and_not_behind_it():
    tries = Tries(DAEMON, DEADLINE, now=0.0)
    waits = [fail(tries) for _ in range(50)]

    assert waits[-1] == Wait(900.0)
    assert fail(tries, wall=DEADLINE - timedelta(seconds=10)) == Wait(10.0)
    assert isinstance(fail(tries, wall=DEADLINE), GiveUp)


@pytest.mark.parametrize(
    ("patience", "pause", "decision"),
    [
        (ONE_RUN, 60.0, Wait(60.0)),
        (ONE_RUN, 61.0, GiveUp),
        (DAEMON, 3600.0, Wait(3600.0)),
        (DAEMON, 6 * 86400.0, GiveUp),
    ],
)
def test_a_pause_is_obeyed_or_ends_the_tries(patience, pause, decision):
    found = fail(Tries(patience, DEADLINE, now=0.0), pause=pause)

    assert found == decision if isinstance(decision, Wait) else isinstance(found, GiveUp)
