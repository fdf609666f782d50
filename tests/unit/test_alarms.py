"""Alarms: told at once, told again at most once a day, told when they clear."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from backupd.core.alarms import Alarms, acknowledge, after, judge
from backupd.core.chain import read_line, write_line
from backupd.core.conditions import Condition, Finding
from backupd.core.facts import AlarmAcknowledged, AlarmCleared, AlarmRaised, AlarmTold, OrgPinned

START = datetime(2022, 7, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
FULL = Finding("disk_full", Condition.DISK_FULL, "no space")
LOST = Finding("job_missed/4004", Condition.JOB_MISSED, "gone", stays=True)
EVERYTHING = frozenset(Condition)


class Watch:
    """One org's alarms over time: a look returns what was told, as words, and remembers it."""

    def __init__(self):
        self.alarms: Alarms = {}
        self.now = START
        self.told = []  # (when, fact)

    def look(self, *findings, after=timedelta(0), looked=EVERYTHING):
        self.now += after
        changes = judge(self.alarms, findings, looked=looked, now=self.now)
        self.write(*changes)
        self.told.extend((self.now, change) for change in changes)
        return [change.kind for change in changes]

    def know(self, key):
        fact = acknowledge(self.alarms, key)
        self.write(*[fact] if fact else [])
        return fact

    def write(self, *facts):
        lines = [write_line(fact, at=self.now, previous="") for fact in facts]
        read = [read_line(line) for line in lines]
        self.alarms = after(self.alarms, [(line.at, line.fact) for line in read])

    def standing(self):
        return {key for key, alarm in self.alarms.items() if alarm.stands}


@pytest.fixture
def watch():
    return Watch()


def test_nothing_wrong_is_nothing_told(watch):
    assert watch.look() == []


def test_what_is_wrong_is_told_at_once_and_then_once_a_day(watch):
    told = [watch.look(FULL, after=HOUR) for _ in range(49)]

    assert [number for number, kinds in enumerate(told) if kinds] == [0, 24, 48]
    assert told[0] == ["alarm_raised"]
    assert told[24] == ["alarm_told"]


def test_it_is_told_when_it_is_over_and_once(watch):
    watch.look(FULL)

    assert watch.look(after=HOUR) == ["alarm_cleared"]
    assert watch.look(after=HOUR) == []
    assert watch.standing() == set()


def test_what_could_not_be_looked_at_is_not_over(watch):
    watch.look(FULL)

    assert watch.look(after=HOUR, looked=EVERYTHING - {Condition.DISK_FULL}) == []
    assert watch.standing() == {"disk_full"}


def test_conditions_are_told_apart(watch):
    watch.look(FULL)

    assert watch.look(FULL, LOST, after=HOUR) == ["alarm_raised"]
    assert watch.standing() == {FULL.key, LOST.key}


def test_a_reminder_says_how_it_is_now(watch):
    watch.look(FULL)
    watch.look(Finding(FULL.key, FULL.condition, "still no space"), after=DAY)

    assert watch.told[-1][1].text == "still no space"


def test_what_grows_is_told_at_once(watch):
    watch.look(Finding("damaged/4004", Condition.DAMAGED, "1 file", extent=1))

    assert watch.look(Finding("damaged/4004", Condition.DAMAGED, "3 files", extent=3), after=HOUR) == ["alarm_told"]
    assert watch.look(Finding("damaged/4004", Condition.DAMAGED, "2 files", extent=2), after=HOUR) == []


def test_what_can_be_healed_no_more_is_told_at_once(watch):
    watch.look(Finding("damaged/4004", Condition.DAMAGED, "links live"))

    assert watch.look(Finding("damaged/4004", Condition.DAMAGED, "gone", stays=True), after=HOUR) == ["alarm_told"]


# --- acknowledging ------------------------------------------------------------------------------------------------


def test_what_stays_is_told_every_day_until_a_person_knows_of_it(watch):
    watch.look(LOST)

    assert [watch.look(after=DAY) for _ in range(3)] == [["alarm_told"]] * 3
    watch.know(LOST.key)
    assert watch.look(after=HOUR) == ["alarm_cleared"]


def test_what_a_person_knows_of_is_not_told_again_until_it_is_over(watch):
    watch.look(FULL)
    watch.know(FULL.key)

    assert [watch.look(FULL, after=DAY) for _ in range(5)] == [[]] * 5
    assert watch.look(after=DAY) == ["alarm_cleared"]
    assert watch.look(FULL, after=2 * DAY) == ["alarm_raised"]


def test_what_gets_worse_is_told_even_to_a_person_who_knows_and_must_be_known_anew(watch):
    watch.look(Finding("damaged/4004", Condition.DAMAGED, "1 file", extent=1))
    watch.know("damaged/4004")
    worse = Finding("damaged/4004", Condition.DAMAGED, "2 files", extent=2)

    assert watch.look(worse, after=HOUR) == ["alarm_told"]
    assert watch.look(worse, after=DAY) == ["alarm_told"]


def test_only_what_stands_can_be_acknowledged_and_once(watch):
    assert watch.know(FULL.key) is None
    watch.look(FULL)
    assert watch.know(FULL.key) == AlarmAcknowledged(FULL.key)
    assert watch.know(FULL.key) is None


# --- coming and going ---------------------------------------------------------------------------------------------


def test_what_comes_and_goes_is_told_at_most_three_times_a_day(watch):
    for number in range(2 * 24 * 7):
        watch.look(*[FULL] if number % 2 else [], after=HOUR / 2)

    per_day = [[at for at, _ in watch.told if 0 <= (at - START) / DAY - day < 1] for day in range(7)]
    assert max(map(len, per_day)) <= 3


def test_what_came_back_within_a_day_is_over_only_after_a_day(watch):
    watch.look(FULL)
    watch.look(after=HOUR)
    watch.look(FULL, after=HOUR)

    assert watch.look(after=HOUR) == []
    assert watch.look(after=DAY - HOUR) == ["alarm_cleared"]


def test_what_comes_back_after_a_day_is_told_as_new(watch):
    watch.look(FULL)
    watch.look(after=HOUR)

    assert watch.look(FULL, after=DAY) == ["alarm_raised"]
    assert watch.look(after=HOUR) == ["alarm_cleared"]


def test_a_clock_that_was_ahead_does_not_silence_an_alarm(watch):
    watch.look(FULL, after=400 * DAY)

    assert watch.look(FULL, after=-400 * DAY) == ["alarm_told"]
    assert watch.look(FULL, after=HOUR) == []


# --- the journal is the state -------------------------------------------------------------------------------------


def test_facts_about_other_things_and_unknown_alarms_change_nothing(watch):
    facts = [OrgPinned("7"), AlarmCleared("nobody"), AlarmTold("nobody", "x", 1, stays=False)]

    assert after({}, [(START, fact) for fact in facts]) == {}


def test_an_alarm_of_a_newer_version_stands_until_it_can_look_at_it(watch):
    watch.write(AlarmRaised("moon", "moon_gone", "the moon is gone", 1, stays=False))

    assert watch.look(after=DAY) == []
    assert watch.standing() == {"moon"}


def test_alarms_that_cleared_long_ago_are_forgotten(watch):
    watch.look(FULL)
    watch.look(after=HOUR)
    watch.look(LOST, after=DAY)

    assert set(watch.alarms) == {LOST.key}


CONDITIONS = [Condition.DISK_FULL, Condition.POLLS_FAILING, Condition.JOB_MISSED]
looks = st.tuples(
    st.timedeltas(timedelta(minutes=1), 2 * DAY),
    st.sets(st.sampled_from(CONDITIONS)),
    st.sets(st.sampled_from(CONDITIONS), min_size=2),
)


def findings_of(present):
    return [
        Finding(str(each), each, "wrong", stays=each is Condition.JOB_MISSED) for each in CONDITIONS if each in present
    ]


@given(st.lists(looks, max_size=60))
def test_whatever_happens_no_alarm_is_told_more_than_three_times_in_a_day(steps):
    watch = Watch()
    for wait, present, looked in steps:
        watch.look(*findings_of(present), after=wait, looked=looked | present)

    for at, fact in watch.told:
        assert sum(1 for then, other in watch.told if other.key == fact.key and at <= then < at + DAY) <= 3


@given(st.lists(looks, max_size=60))
def test_whatever_happens_each_alarm_is_raised_and_cleared_in_turn(steps):
    watch = Watch()
    for wait, present, looked in steps:
        watch.look(*findings_of(present), after=wait, looked=looked | present)
        watch.know(str(Condition.JOB_MISSED))

    for condition in CONDITIONS:
        turns = [fact.kind for _, fact in watch.told if fact.key == condition and fact.kind != "alarm_told"]
        assert turns == (["alarm_raised", "alarm_cleared"] * len(turns))[: len(turns)]


@given(st.lists(looks, max_size=60))
def test_whatever_happened_a_healthy_week_ends_with_no_alarm_that_is_not_waiting_for_a_person(steps):
    watch = Watch()
    for wait, present, looked in steps:
        watch.look(*findings_of(present), after=wait, looked=looked | present)
    for _ in range(7 * 24):
        watch.look(after=HOUR)

    assert watch.standing() <= {str(Condition.JOB_MISSED)}


class AlarmsOverTime(RuleBasedStateMachine):
    """What a person was told last is what was seen last, but for the day that an unsteady alarm is given."""

    def __init__(self):
        super().__init__()
        self.watch = Watch()
        self.seen = set()
        self.history = []

    @rule(wait=st.timedeltas(timedelta(minutes=1), 2 * DAY), present=st.sets(st.sampled_from(CONDITIONS)))
    def look(self, wait, present):
        before = len(self.watch.told)
        self.watch.look(*findings_of(present), after=wait)
        self.history.extend(self.watch.told[before:])
        self.seen = {str(each) for each in present}

    @rule(which=st.sampled_from(CONDITIONS))
    def acknowledge(self, which):
        fact = self.watch.know(str(which))
        self.history.extend([(self.watch.now, fact)] if fact else [])

    @rule()
    def restart(self):
        before = {key: alarm for key, alarm in self.watch.alarms.items() if alarm.stands}
        self.watch.alarms = after({}, self.history)
        assert {key: alarm for key, alarm in self.watch.alarms.items() if alarm.stands} == before

    @invariant()
    def what_is_wrong_is_known(self):
        assert self.seen <= self.watch.standing()

    @invariant()
    def what_stands_is_wrong_or_waits(self):
        for key in self.watch.standing() - self.seen:
            alarm = self.watch.alarms[key]
            waits = alarm.unsteady and self.watch.now - alarm.told_at < DAY
            assert waits or alarm.finding.stays

    @invariant()
    def reminders_come_every_day(self):
        for key in self.watch.standing():
            alarm = self.watch.alarms[key]
            assert alarm.acknowledged or self.watch.now - alarm.told_at < DAY


AlarmsOverTime.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestAlarmsOverTime = AlarmsOverTime.TestCase


def test_what_is_over_for_good_clears_at_once_and_waits_for_no_person(watch):
    watch.look(LOST)

    changes = judge(watch.alarms, [], looked=frozenset(), now=watch.now, over={LOST.key, "job_missed/unknown"})

    assert changes == (AlarmCleared(LOST.key),)


def test_what_is_found_now_is_not_over(watch):
    watch.look(FULL)

    assert judge(watch.alarms, [FULL], looked=EVERYTHING, now=watch.now, over={FULL.key}) == ()
