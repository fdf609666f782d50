"""The vendor's history against the archive."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupd.core.model import HistoryEntry, JobId, Taken, TakenBasis
from backupd.core.reconcile import KnownJob, Verdict, reconcile

BEGAN = datetime(2022, 1, 1, tzinfo=UTC)
RUN = datetime(2022, 6, 23, 12, 1, 3, tzinfo=UTC)
NOW = RUN + timedelta(days=30)
LIFE = timedelta(days=7)
WEEK = timedelta(days=7)


def completed(at, name=None):
    return HistoryEntry(name or f"entry {at}", at, "completed", None)


def archived(at, name="4004", *, basis=TakenBasis.HISTORY, seen_after=timedelta(hours=1)):
    path = PurePosixPath("main", "2022", f"2022-06-23_{name}")
    return KnownJob(JobId("7", name), at + seen_after, at + LIFE, Taken(at, basis), path, whole=True)


def seen(at, name="4004", *, seen_after=timedelta(hours=1)):
    return KnownJob(JobId("7", name), at + seen_after, at + LIFE)


def verdicts(history, jobs=(), *, now=NOW, since=BEGAN):
    return [row.verdict for row in reconcile(history, jobs, since=since, now=now).rows]


def test_the_words_for_what_became_of_a_run_are_those_that_scripts_look_for():
    assert [str(verdict) for verdict in Verdict] == [
        "archived", "dropped", "missed", "superseded", "obtainable", "not_due", "before", "failed", "undated", "no_run",
    ]  # fmt: skip


# --- what became of a run -----------------------------------------------------------------------------------------


def test_a_run_that_is_in_the_archive_is_archived():
    (row,) = reconcile([completed(RUN)], [archived(RUN)], since=BEGAN, now=NOW).rows

    assert row.verdict is Verdict.ARCHIVED
    assert row.job == archived(RUN)
    assert not row.is_gap


def test_a_run_whose_snapshot_a_rule_let_go_is_no_gap():
    (row,) = reconcile([completed(RUN)], [replace(archived(RUN), path=None)], since=BEGAN, now=NOW).rows

    assert row.verdict is Verdict.DROPPED
    assert not row.is_gap


def test_history_and_expiry_may_differ_a_little():
    entry = completed(RUN + timedelta(minutes=9))

    assert verdicts([entry], [archived(RUN, basis=TakenBasis.EXPIRY)]) == [Verdict.ARCHIVED]


def test_links_with_an_unusual_life_belong_to_the_latest_run_before_they_were_seen():
    odd = replace(archived(RUN, basis=TakenBasis.FIRST_SEEN), expires_at=RUN + timedelta(days=14))
    other = completed(RUN - timedelta(days=3))

    answer = reconcile([completed(RUN), other], [odd], since=BEGAN, now=NOW)

    assert [row.verdict for row in answer.rows] == [Verdict.ARCHIVED, Verdict.SUPERSEDED]


def test_such_a_run_may_be_the_only_one_and_stand_a_little_after_the_first_sight():
    odd = replace(archived(RUN, basis=TakenBasis.FIRST_SEEN), expires_at=RUN + timedelta(days=14))
    late = completed(odd.first_seen_at + timedelta(minutes=10))

    assert verdicts([completed(RUN)], [odd]) == [Verdict.ARCHIVED]
    assert verdicts([late], [odd]) == [Verdict.ARCHIVED]
    assert verdicts([completed(late.at + timedelta(seconds=1))], [odd]) == [Verdict.MISSED, Verdict.ARCHIVED]


@pytest.mark.parametrize(("late", "told"), [(0, [Verdict.ARCHIVED]), (1, [Verdict.ARCHIVED, Verdict.MISSED])])
def test_a_run_is_the_jobs_if_it_is_within_a_day_of_it(late, told):
    job = archived(RUN, basis=TakenBasis.FIRST_SEEN, seen_after=timedelta(days=1))
    job = replace(job, expires_at=job.first_seen_at + timedelta(days=14))
    run = completed(RUN - timedelta(days=1, seconds=late))

    assert verdicts([run], [replace(job, first_seen_at=RUN)]) == told


def test_what_the_manifest_took_from_the_history_is_found_there_again():
    moved = replace(archived(RUN), first_seen_at=RUN + timedelta(days=4), expires_at=RUN + timedelta(days=10))
    history = [completed(RUN), completed(RUN + timedelta(days=3))]

    assert verdicts(history, [moved]) == [Verdict.MISSED, Verdict.ARCHIVED]


def test_a_run_of_another_week_is_not_taken_for_the_archived_one():
    history = [completed(RUN - WEEK)]

    assert verdicts(history, [archived(RUN)]) == [Verdict.ARCHIVED, Verdict.MISSED]


def test_a_job_whose_links_live_is_still_obtainable():
    assert verdicts([completed(RUN)], [seen(RUN)], now=RUN + LIFE - timedelta(seconds=1)) == [Verdict.OBTAINABLE]


def test_a_job_whose_links_expired_is_missed_and_a_gap():
    answer = reconcile([completed(RUN)], [seen(RUN)], since=BEGAN, now=RUN + LIFE)

    assert [row.verdict for row in answer.gaps] == [Verdict.MISSED]
    assert [row.job for row in answer.gaps] == [seen(RUN)]


def test_a_job_of_which_only_a_part_was_saved_is_missed():
    assert verdicts([completed(RUN)], [replace(archived(RUN), whole=False)]) == [Verdict.MISSED]


def test_a_missed_job_that_the_history_does_not_tell_of_is_a_gap_too():
    answer = reconcile([], [seen(RUN)], since=BEGAN, now=NOW)

    assert [(row.verdict, row.entry) for row in answer.gaps] == [(Verdict.MISSED, None)]


def test_a_run_whose_links_nobody_saw_is_missed_after_a_week():
    assert verdicts([completed(RUN)], now=RUN + LIFE) == [Verdict.MISSED]


def test_a_run_that_a_newer_one_hid_is_superseded():
    history = [completed(RUN), completed(RUN + timedelta(days=2))]

    answer = reconcile(history, [archived(RUN + timedelta(days=2))], since=BEGAN, now=NOW)

    assert [row.verdict for row in answer.rows] == [Verdict.ARCHIVED, Verdict.SUPERSEDED]
    assert [row.at for row in answer.gaps] == [RUN]


def test_each_run_is_hidden_by_the_next_one():
    history = [completed(RUN + days * timedelta(days=2)) for days in range(3)]

    assert verdicts(history, now=NOW) == [Verdict.MISSED, Verdict.SUPERSEDED, Verdict.SUPERSEDED]


def test_a_run_whose_links_died_before_the_next_one_came_is_missed_and_not_superseded():
    history = [completed(RUN), completed(RUN + LIFE + timedelta(seconds=1))]

    assert verdicts(history, now=NOW)[1] is Verdict.MISSED


def test_a_remembered_job_is_obtainable_even_when_a_newer_run_hid_its_links():
    history = [completed(RUN), completed(RUN + timedelta(days=2))]

    assert verdicts(history, [seen(RUN)], now=RUN + timedelta(days=2, hours=1)) == [
        Verdict.NOT_DUE,
        Verdict.OBTAINABLE,
    ]


@pytest.mark.parametrize(("hours", "verdict"), [(-1, Verdict.NOT_DUE), (23, Verdict.NOT_DUE), (24, Verdict.OBTAINABLE)])
def test_a_run_whose_links_are_not_shown_yet_is_given_a_day(hours, verdict):
    assert verdicts([completed(RUN)], now=RUN + timedelta(hours=hours)) == [verdict]


def test_what_was_gone_when_the_archive_began_is_no_gap():
    history = [completed(RUN), completed(RUN + timedelta(days=20)), completed(RUN + timedelta(days=22))]

    answer = reconcile(history, [], since=RUN + timedelta(days=23), now=NOW)

    assert [row.verdict for row in answer.rows] == [Verdict.MISSED, Verdict.BEFORE, Verdict.BEFORE]


@pytest.mark.parametrize(("seconds", "verdict"), [(-1, Verdict.MISSED), (0, Verdict.BEFORE)])
def test_what_could_still_be_had_when_the_archive_began_is_one(seconds, verdict):
    assert verdicts([completed(RUN)], since=RUN + LIFE + timedelta(seconds=seconds)) == [verdict]


def test_a_snapshot_that_the_vendor_forgot_is_no_gap():
    answer = reconcile([], [archived(RUN)], since=BEGAN, now=NOW + timedelta(days=800))

    assert [row.verdict for row in answer.rows] == [Verdict.ARCHIVED]
    assert answer.gaps == ()


# --- what the vendor may say --------------------------------------------------------------------------------------


def test_a_failure_at_the_vendor_is_named_and_no_gap():
    failed = HistoryEntry("f", RUN, "failure", None)

    answer = reconcile([failed], [], since=BEGAN, now=NOW)

    assert [row.entry for row in answer.failures] == [failed]
    assert answer.gaps == ()


@pytest.mark.parametrize("state", [None, "paused", "COMPLETED?"])
@pytest.mark.parametrize("action", [None, "scheduled", "stopped", "purchased", "initiated", "dreamt"])
@pytest.mark.parametrize("at", [None, RUN])
def test_whatever_tells_of_no_run_is_passed_over(state, action, at):
    assert verdicts([HistoryEntry("x", at, state, action)]) == [Verdict.NO_RUN]


def test_a_completed_run_without_a_time_cannot_be_judged():
    assert verdicts([HistoryEntry("x", None, "completed", None)]) == [Verdict.UNDATED]


def test_the_newest_comes_first_and_what_has_no_time_last():
    history = [HistoryEntry("x", None, "completed", None), completed(RUN - WEEK), completed(RUN)]

    answer = reconcile(history, [], since=BEGAN, now=NOW)

    assert [row.at for row in answer.rows] == [RUN, RUN - WEEK, None]


def test_the_same_run_told_twice_is_one():
    history = [completed(RUN, "a"), completed(RUN, "a"), completed(RUN, "b")]

    assert verdicts(history, [archived(RUN)]) == [Verdict.ARCHIVED]


def test_of_one_id_the_last_entry_counts():
    history = [HistoryEntry("a", RUN, None, "initiated"), HistoryEntry("a", RUN, "failure", None)]

    assert verdicts(history) == [Verdict.FAILED]


def test_one_snapshot_stands_for_one_run_only():
    history = [completed(RUN), completed(RUN + timedelta(minutes=5))]

    answer = reconcile(history, [archived(RUN)], since=BEGAN, now=NOW)

    assert [row.verdict for row in answer.rows] == [Verdict.MISSED, Verdict.ARCHIVED]


# --- whatever the vendor and the archive hold ---------------------------------------------------------------------

instants = st.integers(0, 60 * 24 * 60).map(lambda minutes: BEGAN + timedelta(minutes=minutes))
histories = st.lists(
    st.builds(
        HistoryEntry,
        st.integers(0, 20).map(str),
        st.none() | instants,
        st.sampled_from(["completed", "completed", "completed", "failure", None, "odd"]),
        st.sampled_from([None, "scheduled", "odd"]),
    ),
    max_size=12,
)
known = st.lists(
    st.builds(
        lambda at, name, life, after, whole: KnownJob(
            JobId("7", str(name)), at + timedelta(hours=after), at + timedelta(days=life), whole=whole
        ),
        instants,
        st.integers(0, 99),
        st.integers(1, 14),
        st.integers(0, 48),
        st.booleans(),
    ),
    max_size=8,
    unique_by=lambda each: each.job,
)


@given(histories, known, instants, instants)
def test_every_entry_and_every_job_has_exactly_one_verdict(history, jobs, since, now):
    answer = reconcile(history, jobs, since=since, now=now)

    told = Counter(row.entry.id for row in answer.rows if row.entry)
    assert set(told.values()) <= {1}
    last = {entry.id: entry for entry in history}
    assert {(entry.at or entry.id, entry.state, entry.action) for entry in last.values()} == {
        (row.entry.at or row.entry.id, row.entry.state, row.entry.action) for row in answer.rows if row.entry
    }
    assert Counter(row.job for row in answer.rows if row.job) == Counter(jobs)


@given(histories, known, instants, instants)
def test_what_is_whole_in_the_archive_is_never_a_gap_and_what_is_gone_always_one(history, jobs, since, now):
    for row in reconcile(history, jobs, since=since, now=now).rows:
        if row.job is not None:
            assert row.is_gap == (not row.job.whole and row.job.expires_at <= now)


@given(histories, known, instants)
def test_only_completed_runs_and_seen_jobs_can_be_gaps(history, jobs, now):
    for row in reconcile(history, jobs, since=BEGAN, now=now).gaps:
        assert row.job is not None or (row.entry is not None and row.entry.state == "completed")


@given(st.lists(instants, max_size=12, unique=True), instants)
def test_an_archive_that_holds_every_run_has_no_gap(runs, now):
    jobs = [archived(at, str(number)) for number, at in enumerate(runs)]

    answer = reconcile([completed(at) for at in runs], jobs, since=BEGAN, now=now)

    assert answer.gaps == ()
    assert len(answer.rows) == len(runs)


@given(st.lists(st.integers(0, 60).map(lambda day: BEGAN + timedelta(days=day)), max_size=12, unique=True), st.data())
def test_every_hole_is_found_once_time_has_passed(runs, data):
    holes = {at for at in runs if data.draw(st.booleans())}
    jobs = [archived(at, str(number)) for number, at in enumerate(runs) if at not in holes]

    answer = reconcile([completed(at) for at in runs], jobs, since=BEGAN, now=BEGAN + timedelta(days=90))

    assert {row.at for row in answer.gaps} == holes


@given(histories.filter(lambda h: len({e.id for e in h}) == len(h)), known, instants, st.randoms(use_true_random=False))
def test_the_order_in_which_jobs_are_given_does_not_matter(history, jobs, now, random):
    shuffled = random.sample(jobs, len(jobs))

    assert reconcile(history, jobs, since=BEGAN, now=now) == reconcile(history, shuffled, since=BEGAN, now=now)
