"""Rules for recurring backups, built from plain words and put into words again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupd.core import rrule
from backupd.core.errors import UsageError
from backupd.simulator.operations import is_rrule


@pytest.mark.parametrize(
    ("rule", "text", "words"),
    [
        (rrule.weekly("tue", 2), "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU", "every 2 weeks on Tuesday"),
        (rrule.weekly("Sunday"), "RRULE:FREQ=WEEKLY;INTERVAL=1;BYDAY=SU", "every week on Sunday"),
        (rrule.weekly("th", 52), "RRULE:FREQ=WEEKLY;INTERVAL=52;BYDAY=TH", "every 52 weeks on Thursday"),
        (rrule.monthly("1"), "RRULE:FREQ=MONTHLY;INTERVAL=1;BYMONTHDAY=1", "every month on day 1"),
        (rrule.monthly("31", 3), "RRULE:FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=31", "every 3 months on day 31"),
        (rrule.monthly("1th"), "RRULE:FREQ=MONTHLY;INTERVAL=1;BYDAY=1TH", "every month on the first Thursday"),
        (rrule.monthly("4thu"), "RRULE:FREQ=MONTHLY;INTERVAL=1;BYDAY=4TH", "every month on the fourth Thursday"),
        (rrule.monthly("2MO"), "RRULE:FREQ=MONTHLY;INTERVAL=1;BYDAY=2MO", "every month on the second Monday"),
    ],
)
def test_plain_words_become_a_rule_that_the_vendor_takes_and_words_again(rule, text, words):
    assert rule == text
    assert is_rrule(rule)
    assert rrule.in_words(rule) == words


@pytest.mark.parametrize("word", ["4th", "5th", "1st", "2nd", "23rd", "31st"])
def test_what_can_be_a_date_or_a_thursday_is_not_guessed(word):
    with pytest.raises(UsageError, match="can mean a date or a Thursday") as raised:
        rrule.monthly(word)

    assert raised.value.advice.startswith(f"Write {word[:-2]} for that day of the month")


@pytest.mark.parametrize("word", ["", "0", "32", "-1", "6mo", "1x", "1", "tu3", "1tuesdays", "१"])
def test_what_is_no_day_is_refused(word):
    for build in (rrule.weekly, rrule.monthly):
        if (build, word) != (rrule.monthly, "1"):
            with pytest.raises(UsageError, match="is not a day of"):
                build(word)


@pytest.mark.parametrize("every", [0, -1, 53])
def test_an_interval_the_vendor_does_not_know_is_refused(every):
    with pytest.raises(UsageError, match="is not possible"):
        rrule.weekly("tue", every)


def test_a_rule_that_is_given_keeps_its_words_and_gets_its_prefix():
    assert rrule.given(" freq=weekly;byday=tu ") == "RRULE:FREQ=WEEKLY;BYDAY=TU"
    assert rrule.given("RRULE:FREQ=MONTHLY;BYMONTHDAY=-1") == "RRULE:FREQ=MONTHLY;BYMONTHDAY=-1"


@given(st.text(max_size=40))
def test_a_given_rule_has_the_form_of_one_or_is_refused(text):
    try:
        rule = rrule.given(text)
    except UsageError:
        return
    assert rule.startswith("RRULE:")
    assert "=" in rule
    assert rule.isprintable()


@pytest.mark.parametrize(
    "rule", ["RRULE:FREQ=DAILY;INTERVAL=1", "FREQ=WEEKLY", "RRULE:FREQ=MONTHLY;BYDAY=9XX", "", "what?", "RRULE:=;;="]
)
def test_a_rule_of_another_form_is_shown_as_it_is_and_its_number_is_unknown(rule):
    assert rrule.in_words(rule) == rule


@pytest.mark.parametrize(
    ("rule", "most"),
    [
        (None, 1),
        (rrule.weekly("tue"), 5),
        (rrule.weekly("tue", 2), 3),
        (rrule.weekly("tue", 4), 2),
        (rrule.weekly("tue", 5), 1),
        (rrule.monthly("1"), 1),
        ("RRULE:FREQ=DAILY", None),
        ("RRULE:FREQ=WEEKLY;INTERVAL=0;BYDAY=TU", None),
    ],
)
def test_how_many_backups_a_month_a_rule_makes_at_the_most(rule, most):
    assert rrule.most_a_month(rule) == most


def test_rules_are_the_same_in_any_order_and_case():
    assert rrule.same("RRULE:FREQ=WEEKLY;INTERVAL=1;BYDAY=TU", "byday=tu;freq=weekly")
    assert not rrule.same("RRULE:FREQ=WEEKLY;BYDAY=TU", "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU")
    assert rrule.same(None, None)
    assert not rrule.same(None, "RRULE:FREQ=WEEKLY;BYDAY=TU")
