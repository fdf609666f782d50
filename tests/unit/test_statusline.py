from datetime import UTC, datetime

from backupd.core import events
from backupd.notify.statusline import StatusLine

SOON = datetime(2022, 6, 23, 12, 0, tzinfo=UTC)
LATER = datetime(2022, 6, 23, 18, 0, tzinfo=UTC)


def line(*told: events.Event, **polls: datetime) -> str:
    line = StatusLine()
    for event in told:
        line.hear(event)
    line.plan(polls)
    return str(line)


def finished(org: str, result: str = "nothing_new", status: int = 0) -> events.CycleFinished:
    return events.CycleFinished(org, result, status, jobs=0, files=0, size=0, seconds=1.0, journal_head="")


def started(*files: str, org: str = "main") -> list[events.Event]:
    return [events.CycleStarted(org), *(events.FileStarted(org, "4001", file) for file in files)]


def test_between_cycles_the_next_poll_of_all_is_told():
    assert line(*started(), finished("main"), main=LATER, other=SOON) == "next poll: other at 2022-06-23 12:00Z"


def test_while_a_cycle_runs_its_org_is_polled_and_not_waited_for():
    assert line(*started(), main=SOON) == "polling main"
    assert line(*started(), main=SOON, other=LATER) == "polling main; next poll: other at 2022-06-23 18:00Z"


def test_files_under_way_are_counted_until_each_is_done():
    files = started("data/a.zip", "data/b.zip", "data/c.zip")
    verified = events.FileVerified("main", "4001", "data/a.zip", 1, 1, "", 1, 0, 1.0)
    failed = events.FileFailed("main", "4001", "data/b.zip", "", "", "")
    rejected = events.FileRejected("main", "4001", "data/c.zip", "", 1, SOON)

    assert line(*files) == "downloading 3 files of job 4001 (main)"
    assert line(*files, verified, failed) == "downloading 1 file of job 4001 (main)"
    assert line(*files, verified, failed, rejected) == "polling main"


def test_two_orgs_at_once_are_both_told():
    told = [*started("data/a.zip"), *started(org="other")]

    assert line(*told) == "downloading 1 file of job 4001 (main); polling other"


def test_a_failed_cycle_is_told_until_a_good_one():
    broken = events.CycleFailed("main", "access_refused", 77, "", "")

    assert line(*started("data/a.zip"), broken, main=SOON).endswith("12:00Z; last failed: main (access_refused)")
    assert line(broken, *started()) == "polling main; last failed: main (access_refused)"
    assert line(finished("main", "job_incomplete", 1)) == "last failed: main (job_incomplete)"
    assert line(broken, *started(), finished("main"), main=SOON) == "next poll: main at 2022-06-23 12:00Z"


def test_a_reload_breaks_off_what_was_under_way():
    assert line(*started("data/a.zip"), events.SettingsReloaded(1)) == ""
