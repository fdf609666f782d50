"""What is wrong by what one cycle saw, and what it could not see."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

import pytest

from backupd.core.alarms import Alarm
from backupd.core.conditions import Condition, Finding, advice
from backupd.core.errors import AccessRefused, ArchiveError, ArchiveFull, JobIncomplete, VendorUnavailable
from backupd.core.listing import MissedJob
from backupd.core.model import HistoryEntry, JobId, Schedule
from backupd.core.observation import Asked, Observation, is_due, judge_observation, no_longer_lost
from backupd.core.reconcile import KnownJob, reconcile
from backupd.core.records import DamagedJob

NOW = datetime(2022, 7, 1, tzinfo=UTC)
DAY = timedelta(days=1)
WEEKLY = Schedule("1", "SCHEDULED", "RRULE:FREQ=WEEKLY")
ALL = Asked(WEEKLY, schedule_known=True, links_known=True)
FINE = Observation(
    ALL, (), last_new_at=NOW - DAY, failing_since=None, reconciled_at=NOW - DAY, missed=(), damaged=(), lost=()
)
INCOMPLETE = JobIncomplete("main: job 4004 is not archived in full yet")


def found(seen: Observation, *, expect_every: timedelta | None = None) -> list[str]:
    return [finding.key for finding in judge_observation(seen, expect_every=expect_every, now=NOW).findings]


def looked(seen: Observation, *, expect_every: timedelta | None = None) -> frozenset[str]:
    return judge_observation(seen, expect_every=expect_every, now=NOW).looked


def test_when_all_is_well_nothing_is_found_and_everything_was_looked_at():
    assert found(FINE) == []
    assert looked(FINE) == set(map(str, Condition))


@pytest.mark.parametrize(
    ("seen", "keys"),
    [
        (replace(FINE, last_new_at=NOW - 10 * DAY), ["no_new_backup"]),
        (replace(FINE, asked=replace(ALL, schedule=None)), ["schedule_stopped"]),
        (replace(FINE, asked=replace(ALL, schedule=replace(WEEKLY, status="FAILED"))), ["schedule_failed"]),
        (replace(FINE, failing_since=NOW - DAY), ["polls_failing"]),
        (replace(FINE, reconciled_at=NOW - 3 * DAY), []),
        (replace(FINE, reconciled_at=NOW - 3 * DAY - timedelta(seconds=1)), ["not_reconciled"]),
        (replace(FINE, problems=(AccessRefused("dead"),)), ["access_refused"]),
        (replace(FINE, problems=(ArchiveFull("full"),)), ["disk_full"]),
        (replace(FINE, missed=(MissedJob("main", JobId("7", "4004"), NOW, NOW, 3, 1),)), ["job_missed/4004"]),
        (replace(FINE, damaged=(DamagedJob(JobId("7", "4004"), 2, NOW),)), ["damaged/4004"]),
        (replace(FINE, lost=(Finding("run_lost/1", "run_lost", "lost"),)), ["run_lost/1"]),
    ],
)
def test_each_condition_is_found_by_itself(seen, keys):
    assert found(seen) == keys


def test_damage_stays_until_someone_knows_unless_its_links_live():
    damage = [DamagedJob(JobId("7", "4004"), 1, NOW), DamagedJob(JobId("7", "4005"), 1, NOW + timedelta(seconds=1))]
    judged = judge_observation(replace(FINE, damaged=tuple(damage)), expect_every=None, now=NOW)

    assert [finding.stays for finding in judged.findings] == [True, False]


def test_what_the_vendor_did_not_say_is_neither_found_nor_over():
    silent = replace(FINE, asked=Asked(), last_new_at=NOW - 30 * DAY, problems=(VendorUnavailable("503"),))

    assert found(silent) == []
    assert not looked(silent) & {"schedule_stopped", "schedule_failed", "no_new_backup", "access_refused"}


def test_without_the_schedule_only_a_wish_tells_whether_a_backup_is_overdue():
    seen = replace(FINE, asked=Asked(links_known=True), last_new_at=NOW - 10 * DAY)

    assert "no_new_backup" not in looked(seen)
    assert found(seen, expect_every=9 * DAY) == ["no_new_backup"]
    assert "no_new_backup" in looked(seen, expect_every=9 * DAY)


@pytest.mark.parametrize("problem", [INCOMPLETE, ArchiveError("i/o error")])
def test_a_disk_that_nobody_wrote_to_is_not_known_to_have_room(problem):
    assert "disk_full" not in looked(replace(FINE, problems=(problem,)))


@pytest.mark.parametrize("problem", [INCOMPLETE, AccessRefused("dead")])
def test_access_is_not_known_to_be_back_while_files_fail(problem):
    assert "access_refused" not in looked(replace(FINE, problems=(problem,)))


@pytest.mark.parametrize(
    ("last", "due"),
    [
        (NOW, False),
        (NOW - DAY + timedelta(seconds=1), False),
        (NOW - DAY, True),
        (NOW + timedelta(seconds=1), True),  # the clock was set back
    ],
)
def test_the_history_is_due_once_a_day(last, due):
    assert is_due(last, NOW) is due


def test_a_run_that_is_no_gap_any_more_is_not_lost():
    at = NOW - 20 * DAY
    entries = [HistoryEntry("lost", at, "completed", None), HistoryEntry("there", at + DAY, "completed", None)]
    job = KnownJob(JobId("7", "4004"), at + DAY, at + 8 * DAY, path=PurePosixPath("main"), whole=True)
    alarms = {
        key: Alarm(Finding(key, key.partition("/")[0], ""), NOW, NOW)
        for key in ("run_lost/lost", "run_lost/there", "run_lost/forgotten", "disk_full")
    }

    assert no_longer_lost(alarms, reconcile(entries, [job], since=NOW - 90 * DAY, now=NOW)) == {"run_lost/there"}
    assert no_longer_lost(alarms, None) == frozenset()


@pytest.mark.parametrize("condition", Condition)
def test_there_is_advice_for_each_condition(condition):
    assert advice(str(condition)).endswith(".")


def test_a_condition_of_a_newer_version_has_no_advice():
    assert advice("moon_phase") == ""


def test_without_links_nobody_can_say_whether_a_new_backup_is_late():
    unseen = replace(FINE, asked=replace(ALL, links_known=False))

    assert "no_new_backup" not in looked(unseen)
    assert "no_new_backup" not in looked(unseen, expect_every=DAY)
