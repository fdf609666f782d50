"""What can be wrong with an org for longer than a moment."""

from datetime import UTC, datetime, timedelta

import pytest

from backupd.core import conditions
from backupd.core.conditions import Condition
from backupd.core.errors import AccessRefused, ArchiveError, ArchiveFull, ScopeMissing, VendorUnavailable
from backupd.core.model import HistoryEntry, JobId, Schedule
from backupd.core.reconcile import KnownJob, reconcile

NOW = datetime(2022, 7, 30, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
JOB = JobId("757345985", "4004")
BIWEEKLY = "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU"


def schedule(status="SCHEDULED", rrule=BIWEEKLY):
    return Schedule("1593003", status, rrule)


def absence(age, standing, *, expect_every=None):
    return conditions.no_new_backup(NOW - age, standing, expect_every=expect_every, now=NOW)


def found(finding):
    """Return which condition was found, if one was."""
    return finding.condition if finding else None


# --- absence ------------------------------------------------------------------------------------------------------


def test_a_backup_that_does_not_come_is_missed_by_what_the_schedule_suggests():
    assert absence(16 * DAY, schedule()) is None

    finding = absence(16 * DAY + timedelta(seconds=1), schedule())
    assert finding is not None
    assert finding.condition == Condition.NO_NEW_BACKUP
    assert "16 days" in finding.text


def test_the_operators_expectation_outranks_the_schedules():
    assert absence(3 * DAY, schedule(), expect_every=2 * DAY) is not None
    assert absence(30 * DAY, schedule(), expect_every=40 * DAY) is None
    assert absence(3 * DAY, None, expect_every=2 * DAY) is not None


@pytest.mark.parametrize("standing", [None, schedule(rrule=None), schedule(rrule="FREQ=SOMETIMES")])
def test_without_an_expectation_nothing_is_missed(standing):
    assert absence(900 * DAY, standing) is None


# --- the schedule -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "status", ["STOPPED", "stopped", " STOPPED ", "CANCELLED", "CANCELED", "PAUSED", "DISABLED", "FINISHED"]
)
def test_a_stopped_schedule_is_found(status):
    assert found(conditions.schedule_ended(schedule(status))) == Condition.SCHEDULE_STOPPED


@pytest.mark.parametrize("status", ["FAILED", "PAYMENT_FAILED", "RUN_FAILURE"])
def test_a_failed_schedule_is_found(status):
    assert found(conditions.schedule_ended(schedule(status))) == Condition.SCHEDULE_FAILED


@pytest.mark.parametrize("status", ["SCHEDULED", "INPROGRESS", "COMPLETED", "DREAMING", ""])
def test_other_words_are_no_news(status):
    assert conditions.schedule_ended(schedule(status)) is None


def test_a_backup_made_once_may_finish():
    assert conditions.schedule_ended(schedule("FINISHED", rrule=None)) is None


def test_no_schedule_at_all_is_found():
    assert found(conditions.schedule_ended(None)) == Condition.SCHEDULE_STOPPED


# --- polls, access, disk ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("since", "is_found"), [(None, False), (6, False), (7, True)])
def test_polls_that_fail_for_long_are_found(since, is_found):
    start = None if since is None else NOW - timedelta(hours=since)

    assert (conditions.polls_failing(start, now=NOW) is not None) is is_found


@pytest.mark.parametrize("error", [AccessRefused("main: refused"), ScopeMissing("main: no scope")])
def test_refused_credentials_are_found_among_other_problems(error):
    finding = conditions.access_refused([VendorUnavailable("main: away"), error])

    assert finding is not None
    assert finding.condition == Condition.ACCESS_REFUSED
    assert finding.text == str(error)
    assert conditions.access_refused([VendorUnavailable("main: away")]) is None


def test_a_full_disk_is_found_and_a_failing_one_is_something_else():
    assert found(conditions.disk_full([ArchiveFull("/archive: no space")])) == Condition.DISK_FULL
    assert conditions.disk_full([ArchiveError("/archive: EIO")]) is None


# --- jobs ---------------------------------------------------------------------------------------------------------


def test_damage_that_cannot_be_healed_stays_until_a_person_knows_of_it():
    healable, lost = (conditions.damaged(JOB, files=2, links_live=live) for live in (True, False))

    assert (healable.stays, lost.stays) == (False, True)
    assert healable.key == lost.key == "damaged/4004"
    assert healable.extent == 2


def test_damage_that_no_download_mends_stays_though_links_live():
    finding = conditions.damaged(JOB, files=1, links_live=True, curable=False)

    assert finding.stays
    assert "restore it from a copy" in finding.text


def test_a_missed_job_stays_and_says_what_is_missing():
    finding = conditions.job_missed(JOB, files=3, saved=1, expired_at=NOW)

    assert finding.stays
    assert "2 of 3 files are not archived" in finding.text


def test_runs_that_nobody_saw_are_found_but_not_missed_jobs_twice():
    history = [
        HistoryEntry("unseen", NOW - 20 * DAY, "completed", None),
        HistoryEntry("hidden", NOW - 12 * DAY, "completed", None),
        HistoryEntry("missed", NOW - 10 * DAY, "completed", None),
        HistoryEntry("failed", NOW - 9 * DAY, "failure", None),
    ]
    job = KnownJob(JOB, NOW - 10 * DAY, NOW - 3 * DAY)

    findings = conditions.runs_lost(reconcile(history, [job], since=NOW - 90 * DAY, now=NOW).rows)

    assert [(finding.key, finding.stays) for finding in findings] == [
        ("run_lost/hidden", True),
        ("run_lost/unseen", True),
    ]
    assert "a newer one hid its links" in findings[0].text
    assert "made at 2022-07-18T12:00:00Z is not archived" in findings[0].text
    assert "its links expired unseen" in findings[1].text
