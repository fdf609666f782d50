"""Which snapshots stay, and why."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from backupd.core.model import JobId
from backupd.core.retention import Reason, Rules, Standing, judge
from backupd.core.times import to_fixed_text

NOW = datetime(2024, 6, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def snapshot(taken_at, *, number=0, verified: bool | None = True, partial=False, archived_at=None):
    job = JobId("757345985", f"{taken_at:%Y%m%d%H%M%S}{number:03}")
    path = f"main/{taken_at:%Y/%Y-%m-%d}_{job}"
    texts = (to_fixed_text(taken_at), to_fixed_text(archived_at or taken_at))
    return Standing(*texts, path, job.zgid, job.job, verified, partial, 1000)


def aged(days, **more):
    return snapshot(NOW - days * DAY, **more)


def pruned(snapshots, rules, *, holds=None, now=NOW, skew=timedelta(0)):
    return judge(snapshots, rules, holds=holds or {}, now=now, skew=skew)


def kept(pruning):
    return {snapshot for verdict in pruning.verdicts if verdict.keeps for snapshot in verdict.snapshots}


def rules_for(pruning, wanted):
    (verdict,) = [verdict for verdict in pruning.verdicts if wanted in verdict.snapshots]
    return [reason.rule for reason in verdict.reasons]


# --- the rules ----------------------------------------------------------------------------------------------------


def test_without_a_rule_everything_stays():
    snapshots = [aged(days) for days in range(0, 4000, 400)]

    pruning = pruned(snapshots, Rules())

    assert kept(pruning) == set(snapshots)
    assert {reason.rule for verdict in pruning.verdicts for reason in verdict.reasons} == {"no_rule"}


def test_what_uses_up_a_number_bears_the_others_going_and_what_stays_for_itself_does_not():
    young, damaged, *others = snapshots = [aged(1), aged(10, verified=None), aged(20), aged(40), aged(50)]

    pruning = pruned(snapshots, Rules(keep_last=2, keep_within=40 * DAY), holds={others[2].job: "lawsuit"})

    assert pruning.bearers == (young, others[0])
    assert kept(pruning) == set(snapshots)
    assert damaged not in pruning.bearers


def test_a_pruning_that_is_refused_afterwards_keeps_all_and_says_why():
    snapshots = [aged(days) for days in (10, 20, 30)]

    pruning = pruned(snapshots, Rules(keep_last=1), holds={snapshots[0].job: "?"}).refused(Reason("damage", "gone"))

    assert kept(pruning) == set(snapshots)
    assert rules_for(pruning, snapshots[0]) == ["held", "damage"]
    assert rules_for(pruning, snapshots[2]) == ["damage"]


def test_where_there_is_nothing_nothing_looks_wrong():
    assert pruned([], Rules(keep_last=1)).refusal is None


def test_keep_last_keeps_the_newest():
    snapshots = [aged(days) for days in (10, 20, 30, 40)]

    pruning = pruned(snapshots, Rules(keep_last=2))

    assert kept(pruning) == set(snapshots[:2])
    assert pruning.drops == (snapshots[3], snapshots[2])


def test_of_each_day_the_newest_is_kept():
    morning, evening = (snapshot(datetime(2024, 5, 1, hour, tzinfo=UTC)) for hour in (6, 20))
    before = snapshot(datetime(2024, 4, 3, 9, tzinfo=UTC))

    assert kept(pruned([morning, before, evening], Rules(keep_daily=2))) == {evening, before}


def test_a_day_begins_and_ends_in_utc():
    late = snapshot(datetime(2024, 5, 1, 23, 59, tzinfo=UTC))
    early = snapshot(datetime(2024, 5, 1, 22, 0, tzinfo=timezone(timedelta(hours=-5))))  # the 2nd, in UTC

    assert kept(pruned([late, early], Rules(keep_daily=2))) == {late, early}


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (Rules(keep_weekly=2), ["2024-05-20", "2024-05-19"]),  # a Monday and the Sunday before: two ISO weeks
        (Rules(keep_monthly=2), ["2024-05-20", "2024-04-30"]),
        (Rules(keep_yearly=2), ["2024-05-20", "2023-12-31"]),
    ],
)
def test_of_each_period_the_newest_is_kept(rules, expected):
    days = ["2024-05-20", "2024-05-19", "2024-05-13", "2024-04-30", "2024-04-01", "2023-12-31", "2023-01-01"]
    snapshots = [snapshot(datetime.fromisoformat(day).replace(tzinfo=UTC)) for day in days]

    pruning = pruned(snapshots, rules)

    assert sorted((f"{each.taken_at:%Y-%m-%d}" for each in kept(pruning)), reverse=True) == expected


def test_keep_within_counts_back_from_the_newest_backup_so_that_nothing_goes_because_none_came():
    snapshots = [aged(days) for days in (400, 430, 431)]

    assert kept(pruned(snapshots, Rules(keep_within=30 * DAY))) == set(snapshots[:2])


def test_a_rule_may_be_longer_than_the_calendar():
    snapshots = [aged(10), aged(5000)]

    assert kept(pruned(snapshots, Rules(keep_within=timedelta.max))) == set(snapshots)


def test_each_rule_stands_alone_and_every_reason_is_named():
    newest, older = aged(10), aged(60)

    pruning = pruned([newest, older], Rules(keep_last=1, keep_monthly=2))

    assert rules_for(pruning, newest) == ["last_verified", "keep_last", "keep_monthly"]
    assert rules_for(pruning, older) == ["keep_monthly"]


def test_what_goes_is_told_why_by_every_rule():
    snapshots = [aged(10), aged(60)]

    pruning = pruned(snapshots, Rules(keep_last=1, keep_within=20 * DAY))

    assert rules_for(pruning, snapshots[1]) == ["keep_last", "keep_within"]
    assert [(reason.rule, reason.text) for reason in pruning.against] == [
        ("keep_last", "it is not one of the newest 1"),
        ("keep_within", "it was taken before 2024-05-02T12:00:00Z"),
    ]


@pytest.mark.parametrize("rules", [{"keep_last": 0}, {"keep_daily": -1}, {"keep_within": timedelta(0)}])
def test_a_rule_that_would_keep_nothing_is_refused(rules):
    with pytest.raises(ValueError, match="would keep nothing"):
        Rules(**rules)


# --- what outranks the rules --------------------------------------------------------------------------------------


def test_a_held_snapshot_stays_and_says_why():
    snapshots = [aged(10), aged(500)]

    pruning = pruned(snapshots, Rules(keep_last=1), holds={snapshots[1].job: "audit of 2023"})

    assert kept(pruning) == set(snapshots)
    assert pruning.reasons[1][0].text == "it is held: audit of 2023"


@pytest.mark.parametrize(("age", "stays"), [(timedelta(days=7) - timedelta(seconds=1), True), (7 * DAY, False)])
def test_a_snapshot_younger_than_7_days_stays(age, stays):
    young = snapshot(NOW - age)
    newer = [aged(days) for days in (1, 2, 3)]

    assert (young in kept(pruned([young, *newer], Rules(keep_last=1)))) is stays


def test_a_snapshot_that_was_archived_late_is_young_all_the_same():
    late = aged(60, archived_at=NOW - DAY)

    assert late in kept(pruned([aged(10), late], Rules(keep_last=1)))


def test_the_last_snapshot_known_to_be_whole_stays():
    unread = [aged(days, verified=None) for days in (10, 11, 12, 13)]
    whole = aged(900)

    assert whole in kept(pruned([*unread, whole], Rules(keep_within=DAY)))


@pytest.mark.parametrize("weak", [{"partial": True}, {"verified": None}])
def test_what_is_not_known_to_be_whole_takes_nobodys_place(weak):
    newer, whole = aged(10, **weak), aged(20)

    assert whole in kept(pruned([newer, whole], Rules(keep_last=1)))
    assert whole in kept(pruned([newer, whole], Rules(keep_monthly=1)))


def test_a_whole_snapshot_wins_its_period_from_a_newer_partial_one():
    day = datetime(2024, 5, 1, tzinfo=UTC)
    whole, partial = snapshot(day), snapshot(day + timedelta(hours=8), partial=True)

    assert kept(pruned([partial, whole], Rules(keep_daily=1))) == {whole}


def test_of_those_that_are_not_sound_the_newest_of_a_period_stays():
    day = datetime(2024, 5, 1, tzinfo=UTC)
    early, late = (snapshot(day + timedelta(hours=hours), partial=True) for hours in (1, 2))
    whole = snapshot(day - 3 * DAY)

    assert kept(pruned([early, late, whole], Rules(keep_daily=2))) == {late, whole}


def test_a_snapshot_taken_lately_is_young_whatever_its_manifest_says_of_its_archiving():
    odd = aged(3, archived_at=NOW - 60 * DAY)

    assert odd in kept(pruned([aged(1), odd], Rules(keep_last=1)))


# --- when nothing is pruned ---------------------------------------------------------------------------------------


def refused(pruning):
    assert pruning.drops == ()
    assert all(verdict.keeps for verdict in pruning.verdicts)
    return pruning.refusal.rule if pruning.refusal else None


MANY = [aged(days) for days in range(10, 100, 10)]


def test_nothing_goes_while_the_clock_is_behind_the_newest_snapshot():
    assert pruned(MANY, Rules(keep_last=1), now=MANY[0].taken_at).refusal is None
    assert refused(pruned(MANY, Rules(keep_last=1), now=MANY[0].taken_at - timedelta(seconds=1))) == "clock"


@pytest.mark.parametrize("sign", [1, -1])
def test_nothing_goes_while_the_clock_is_more_than_an_hour_off_the_vendors(sign):
    skew = sign * timedelta(hours=1)

    assert pruned(MANY, Rules(keep_last=1), skew=skew).drops
    assert refused(pruned(MANY, Rules(keep_last=1), skew=skew + sign * timedelta(seconds=1))) == "clock"


def test_a_vendor_that_told_no_time_does_not_stop_pruning():
    assert pruned(MANY, Rules(keep_last=1), skew=None).drops


@pytest.mark.parametrize("which", [0, 1, 2])
def test_nothing_goes_while_one_of_the_newest_is_damaged(which):
    damaged = [each._replace(verified=False) if i == which else each for i, each in enumerate(MANY)]

    pruning = pruned(damaged, Rules(keep_last=1))

    assert refused(pruning) == "damage"
    assert damaged[which].path in pruning.refusal.text


def test_older_damage_does_not_stop_pruning():
    damaged = [each._replace(verified=False) if i == 3 else each for i, each in enumerate(MANY)]

    assert pruned(damaged, Rules(keep_last=1)).drops


def test_nothing_goes_while_nothing_is_known_to_be_whole():
    assert refused(pruned([each._replace(verified=None) for each in MANY], Rules(keep_last=1))) == "damage"


def test_an_empty_archive_has_nothing_to_prune():
    pruning = pruned([], Rules(keep_last=1))

    assert list(pruning.verdicts) == []
    assert pruning.refusal is None


def test_a_wrong_clock_is_told_without_a_rule_too():
    """The trash is emptied by the clock, whatever the rules are."""
    pruning = judge([aged(10)], Rules(), holds={}, now=NOW, skew=timedelta(hours=2))

    assert pruning.refusal is not None
    assert pruning.drops == ()


# --- whatever the archive looks like ------------------------------------------------------------------------------

ages = st.integers(0, 900 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes))
archives = st.lists(
    st.builds(
        lambda age, number, verified, partial: snapshot(NOW - age, number=number, verified=verified, partial=partial),
        ages,
        st.integers(0, 999),
        st.sampled_from([True, True, True, True, None, False]),
        st.sampled_from([False, False, False, True]),
    ),
    max_size=30,
    unique_by=lambda each: each.path,
)
counts = st.none() | st.integers(1, 12)
rule_sets = st.builds(
    Rules, counts, counts, counts, counts, counts, st.none() | st.integers(1, 800).map(lambda days: days * DAY)
)


@given(archives, rule_sets)
def test_every_snapshot_gets_one_verdict_newest_first_with_a_reason(snapshots, rules):
    pruning = pruned(snapshots, rules)

    verdicts = list(pruning.verdicts)
    judged = [snapshot for verdict in verdicts for snapshot in verdict.snapshots]
    assert sorted(each.path for each in judged) == sorted(each.path for each in snapshots)
    assert [each.taken_at for each in judged] == sorted((each.taken_at for each in snapshots), reverse=True)
    assert all(verdict.reasons for verdict in verdicts)
    assert set(pruning.drops) == set(snapshots) - kept(pruning)


@given(archives, rule_sets, st.data())
def test_held_young_and_last_verified_snapshots_never_go(snapshots, rules, data):
    held = {each.job: "why" for each in snapshots if data.draw(st.booleans())}

    gone = pruned(snapshots, rules, holds=held).drops

    sound = [each for each in snapshots if each.is_sound]
    assert not any(each.job in held for each in gone)
    assert all(NOW - each.taken_at >= 7 * DAY for each in gone)
    if gone:
        assert max(sound, key=lambda each: (each.taken_at, each.archived_at, each.path)) not in gone


@given(archives, rule_sets, st.sampled_from(["keep_last", "keep_daily", "keep_weekly", "keep_monthly", "keep_yearly"]))
def test_a_rule_that_keeps_more_drops_nothing_else(snapshots, rules, rule):
    assume(not rules.is_empty)
    more = replace(rules, **{rule: (getattr(rules, rule) or 0) + 1})

    assert kept(pruned(snapshots, rules)) <= kept(pruned(snapshots, more))


@given(archives, rule_sets)
def test_pruning_again_at_once_drops_nothing_more(snapshots, rules):
    first = pruned(snapshots, rules)

    assert pruned(list(kept(first)), rules).drops == ()


@given(archives, rule_sets)
def test_what_is_not_sound_changes_nothing_for_what_is(snapshots, rules):
    whole = pruned(snapshots, rules)
    assume(whole.refusal is None)
    sound = {each for each in snapshots if each.is_sound}

    assert kept(pruned(list(sound), rules)) == kept(whole) & sound


@given(archives, rule_sets, st.randoms(use_true_random=False))
def test_the_order_of_the_snapshots_does_not_matter(snapshots, rules, random):
    shuffled = random.sample(snapshots, len(snapshots))

    assert pruned(snapshots, rules) == pruned(shuffled, rules)


@given(archives, st.integers(1, 12))
def test_as_many_sound_ones_stay_as_keep_last_says(snapshots, count):
    sound = [each for each in snapshots if each.is_sound]

    assert len(kept(pruned(snapshots, Rules(keep_last=count))) & set(sound)) >= min(count, len(sound))
