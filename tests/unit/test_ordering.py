"""What became of an order whose answer was lost, judged by what was and what is."""

from dataclasses import replace
from datetime import timedelta

import pytest

from backupd.core.model import Schedule
from backupd.core.ordering import Fate, fate_of_cancelling, fate_of_creation
from tests.fakes.clock import START

RULE = "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU"
STANDING = Schedule("1593003", "SCHEDULED", RULE, START + timedelta(days=3), START)
STOPPED = replace(STANDING, status="STOPPED", next_at=None)
ONCE = Schedule("1593003", "COMPLETED", None, None, START)


@pytest.mark.parametrize(
    ("rule", "before", "after", "fate"),
    [
        (RULE, None, STANDING, Fate.TAKEN),
        (RULE, STOPPED, STANDING, Fate.TAKEN),
        (RULE, STOPPED, replace(STANDING, started_at=START + timedelta(days=1)), Fate.TAKEN),
        (None, ONCE, replace(ONCE, status="INPROGRESS"), Fate.TAKEN),
        (None, ONCE, replace(ONCE, started_at=START + timedelta(days=9)), Fate.TAKEN),
        (RULE, None, None, Fate.NOT_TAKEN),
        (RULE, STOPPED, STOPPED, Fate.NOT_TAKEN),
        (None, ONCE, ONCE, Fate.NOT_TAKEN),
        (RULE, STANDING, None, Fate.UNKNOWN),
        (RULE, None, ONCE, Fate.UNKNOWN),
        (None, None, STANDING, Fate.UNKNOWN),
        (RULE, STANDING, replace(STANDING, next_at=START + timedelta(days=17)), Fate.UNKNOWN),
    ],
)
def test_whether_a_backup_was_ordered(rule, before, after, fate):
    assert fate_of_creation(rule, before, after) is fate


@pytest.mark.parametrize(
    ("after", "fate"),
    [
        (STOPPED, Fate.TAKEN),
        (None, Fate.TAKEN),
        (STANDING, Fate.NOT_TAKEN),
        (replace(STANDING, status="INPROGRESS"), Fate.UNKNOWN),
    ],
)
def test_whether_a_schedule_was_cancelled(after, fate):
    assert fate_of_cancelling(STANDING, after) is fate
