"""How long a new backup may be in coming."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupd.core.expectation import longest_gap


@pytest.mark.parametrize(
    ("rrule", "days"),
    [
        ("RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU", 14 + 2),
        ("RRULE:FREQ=WEEKLY;BYDAY=MO", 7 + 2),
        ("FREQ=WEEKLY;INTERVAL=1;BYDAY=MO,TH", 7 + 2),
        ("rrule:freq=weekly; interval=4", 28 + 2),
        ("RRULE:FREQ=MONTHLY;INTERVAL=1;BYDAY=1TH", 37 + 3),  # the first Thursday moves by up to 6 days
        ("RRULE:FREQ=MONTHLY;INTERVAL=1;BYDAY=TH;BYSETPOS=1", 37 + 3),
        ("RRULE:FREQ=MONTHLY;BYMONTHDAY=1", 31 + 3),
        ("RRULE:FREQ=MONTHLY;BYMONTHDAY=31", 62 + 6),  # months without a 31st may be left out
        ("RRULE:FREQ=MONTHLY;BYMONTHDAY=15,31", 31 + 3),
        ("RRULE:FREQ=MONTHLY;BYMONTHDAY=-1", 31 + 3),
        ("RRULE:FREQ=MONTHLY;INTERVAL=3", 93 + 9),
        ("RRULE:FREQ=DAILY", 1 + 2),
        ("RRULE:FREQ=YEARLY", 366 + 36),
        ("RRULE:FREQ=YEARLY;INTERVAL=2", 732 + 73),
        ("RRULE:FREQ=DAILY;INTERVAL=3650", 3650 + 365),  # longer, and it is no expectation
        ("RRULE:FREQ=WEEKLY;INTERVAL=1;UNTIL=20300101T000000Z;WKST=SU;;X", 7 + 2),
    ],
)
def test_a_rule_tells_how_far_apart_runs_can_be(rrule, days):
    assert longest_gap(rrule) == timedelta(days=days)


@pytest.mark.parametrize(
    "rrule",
    [
        None,
        "",
        "every week",
        "FREQ=HOURLY",
        "INTERVAL=2",
        "FREQ=WEEKLY;INTERVAL=0",
        "FREQ=WEEKLY;INTERVAL=-1",
        "FREQ=WEEKLY;INTERVAL=two",
        "FREQ=WEEKLY;INTERVAL=99999999999",
        "FREQ=WEEKLY;INTERVAL=9999",
        "FREQ=WEEKLY;INTERVAL=²",
    ],
)
def test_a_rule_that_tells_nothing_is_no_expectation(rrule):
    assert longest_gap(rrule) is None


@given(st.text() | st.text("FREQWKLYMONTHINVABD=;:,0123456789+-", max_size=60).map(lambda text: f"FREQ=MONTHLY;{text}"))
def test_whatever_the_vendor_writes_is_survived(rrule):
    gap = longest_gap(rrule)

    assert gap is None or timedelta(days=1) < gap < timedelta(days=5000)


@given(st.sampled_from(["WEEKLY", "MONTHLY"]), st.integers(1, 51))
def test_rarer_runs_are_waited_for_longer(frequency, interval):
    often = longest_gap(f"RRULE:FREQ={frequency};INTERVAL={interval}")
    rarely = longest_gap(f"RRULE:FREQ={frequency};INTERVAL={interval + 1}")

    assert often is not None
    assert rarely is not None
    assert often < rarely
