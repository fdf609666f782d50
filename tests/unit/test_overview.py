"""How safe an org is: the rule that status, page, /healthz and metrics share, and the pulse it goes by."""

from dataclasses import replace
from datetime import timedelta

import pytest

from backupd.catalog.schema import to_column
from backupd.core import events
from backupd.core.alarms import Alarm
from backupd.core.conditions import Finding
from backupd.core.overview import State
from backupd.core.pulse import Pulse, beat
from tests.fakes.clock import START as NOW
from tests.fakes.facts import FakeFacts, empty, in_danger, missed, protected, under_way


def alarm(condition: str, *, cleared: bool = False) -> Alarm:
    since = NOW - timedelta(hours=3)
    return Alarm(Finding(condition, condition, "what is wrong"), since, since, cleared_at=NOW if cleared else None)


def newest(org):
    assert org.newest is not None
    return org.newest


def test_an_org_whose_newest_job_is_archived_is_protected_since_then():
    org = protected()
    judged = org.judge(NOW)

    assert (judged.state, judged.reason, judged.since) == (State.PROTECTED, "", newest(org).archived_at)


def test_a_job_that_grows_in_time_is_under_way_since_it_was_seen():
    org = under_way()
    judged = org.judge(NOW)

    assert judged.state is State.UNDER_WAY
    assert judged.state.is_safe
    assert judged.since == org.under_way[0].first_seen_at
    assert org.next_expiry == org.under_way[0].expires_at


@pytest.mark.parametrize(
    ("left", "words"), [(timedelta(hours=23), "are about to expire"), (timedelta(seconds=-1), "have expired")]
)
def test_links_that_die_within_a_day_are_a_danger(left, words):
    judged = under_way(left=left).judge(NOW)

    assert judged.state is State.IN_DANGER
    assert words in judged.reason
    assert judged.since == NOW + left - timedelta(days=1)


def test_a_missed_job_newer_than_all_that_is_archived_leaves_the_org_unprotected():
    org = missed()

    assert org.judge(NOW).state is State.UNPROTECTED
    assert org.judge(NOW).since == org.missed[0].expired_at
    older = replace(org.missed[0], first_seen_at=newest(org).first_seen_at - timedelta(days=1))
    assert replace(org, missed=(older,)).judge(NOW).state is State.PROTECTED


def test_an_org_without_a_snapshot_is_unprotected_and_nobody_knows_since_when():
    judged = empty().judge(NOW)

    assert (judged.state, judged.since) == (State.UNPROTECTED, None)


@pytest.mark.parametrize("harm", [{"problem": "no JSON"}, {"damaged": 1}])
def test_a_damaged_newest_snapshot_protects_nobody(harm):
    org = protected()

    assert replace(org, newest=newest(org)._replace(**harm)).judge(NOW).state is State.UNPROTECTED


def test_polls_that_fail_for_long_are_a_danger_since_the_first_failure():
    since = NOW - timedelta(hours=7)
    org = replace(protected(), pulse=Pulse(NOW - timedelta(hours=8), since, "vendor_unavailable"))

    assert org.judge(NOW).state is State.IN_DANGER
    assert org.judge(NOW).since == since
    recently = replace(org.pulse, failing_since=NOW - timedelta(hours=5))
    assert replace(org, pulse=recently).judge(NOW).state is State.PROTECTED


@pytest.mark.parametrize(
    ("silent", "every", "state"),
    [
        (timedelta(hours=35), timedelta(minutes=30), State.PROTECTED),
        (timedelta(hours=37), timedelta(minutes=30), State.IN_DANGER),
        (timedelta(hours=37), timedelta(days=1), State.PROTECTED),
        (timedelta(days=4), timedelta(days=1), State.IN_DANGER),
    ],
)
def test_an_org_that_nobody_polls_any_more_is_in_danger(silent, every, state):
    org = replace(protected(), every=every, pulse=Pulse(NOW - silent, None, "nothing_new"))

    assert org.judge(NOW).state is state


def test_a_daemon_that_plans_no_polls_any_more_is_a_danger():
    org = replace(protected(), every=timedelta(hours=1))
    late = replace(org, next_poll=NOW - timedelta(minutes=76)).judge(NOW)

    assert (late.state, late.since) == (State.IN_DANGER, NOW - timedelta(minutes=76))
    assert "hangs" in late.reason
    assert replace(org, next_poll=NOW - timedelta(minutes=74)).judge(NOW).state is State.PROTECTED


def test_nobody_polls_an_org_that_is_not_in_the_settings_and_that_is_no_danger():
    org = replace(protected(), configured=False, pulse=Pulse(NOW - timedelta(days=400)))

    assert org.judge(NOW).state is State.PROTECTED


@pytest.mark.parametrize(
    ("condition", "state"),
    [
        ("no_new_backup", State.IN_DANGER),
        ("schedule_stopped", State.IN_DANGER),
        ("access_refused", State.IN_DANGER),
        ("disk_full", State.IN_DANGER),
        ("run_lost", State.PROTECTED),
        ("a condition of a newer version", State.PROTECTED),
    ],
)
def test_an_alarm_about_the_next_backup_is_a_danger_and_one_about_the_past_is_not(condition, state):
    assert replace(protected(), alarms=(alarm(condition),)).judge(NOW).state is state
    assert replace(protected(), alarms=(alarm(condition, cleared=True),)).judge(NOW).state is State.PROTECTED


async def test_all_is_well_when_every_org_of_the_settings_is_safe():
    lying_about = replace(missed(), configured=False)

    assert (await FakeFacts(protected(), under_way(), lying_about).overview()).is_healthy
    assert not (await FakeFacts(protected(), in_danger()).overview()).is_healthy
    assert not (await FakeFacts(protected(), missed()).overview()).is_healthy


# --- the pulse ------------------------------------------------------------------------------------------------------


def finished(result: str, status: int) -> events.CycleFinished:
    return events.CycleFinished("main", result, status, jobs=0, files=0, size=0, seconds=1.0, journal_head="")


def failed(kind: str) -> events.CycleFailed:
    return events.CycleFailed("main", kind, 69, "the reason", "")


def test_a_pulse_keeps_the_last_success_and_the_first_failure_after_it():
    pulse = beat(Pulse(), finished("nothing_new", 0), NOW)
    assert pulse == Pulse(NOW, None, "nothing_new")

    first = NOW + timedelta(hours=1)
    pulse = beat(pulse, failed("vendor_unavailable"), first)
    pulse = beat(pulse, finished("access_refused", 77), first + timedelta(hours=1))
    assert pulse == Pulse(NOW, first, "access_refused")

    end = first + timedelta(hours=2)
    assert beat(pulse, finished("archived", 0), end) == Pulse(end, None, "archived")


def test_that_another_run_was_busy_is_no_failure():
    assert beat(Pulse(NOW), failed("archive_busy"), NOW) == Pulse(NOW)


def test_nothing_but_the_end_of_a_cycle_is_a_beat():
    assert beat(Pulse(NOW), events.CycleStarted("main"), NOW + timedelta(days=1)) == Pulse(NOW)


def test_the_states_are_the_words_that_programs_go_by():
    assert set(State) == {"protected", "under-way", "in-danger", "unprotected"}


def test_an_org_was_last_verified_when_its_newest_snapshot_was_read_again_or_else_archived():
    org = protected()
    archived = newest(org)._replace(scrubbed_text=None)

    assert replace(org, newest=archived).last_verified_at == archived.archived_at
    assert replace(org, newest=archived._replace(scrubbed_text=to_column(NOW))).last_verified_at == NOW
    assert empty().last_verified_at is None


def test_a_partial_newest_snapshot_leaves_an_org_unprotected():
    org = protected()
    partial = replace(org, newest=newest(org)._replace(missing=2))

    judged = partial.judge(NOW)

    assert judged.state is State.UNPROTECTED
    assert judged.reason == "the newest snapshot is partial: 2 files could not be had"
    assert judged.since == newest(org).archived_at
