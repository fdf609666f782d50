"""What cron's mail says of a run that failed: a line for each thing, and the same thing once."""

import io
from datetime import UTC, datetime

from backupd.cli.brief import Brief
from backupd.core import events

AT = datetime(2022, 6, 30, 12, 1, tzinfo=UTC)
ADVICE = "Free some space."


def said(*heard: events.Event) -> list[str]:
    brief = Brief(lambda _: None)
    for event in heard:
        brief(event)
    to = io.StringIO()
    brief.write(to, lambda text: text.replace("hunter2", "***"))
    return to.getvalue().splitlines()


def failed(name: str, reason: str = "no room") -> events.FileFailed:
    return events.FileFailed("main", "4004", name, "archive_full", reason, ADVICE)


def rejected(reason: str) -> events.FileRejected:
    return events.FileRejected("main", "4004", "data/Data_001.zip", reason, 3, AT)


def incomplete(missing: int = 2) -> events.JobIncomplete:
    return events.JobIncomplete("main", "4004", 3, missing, AT)


def test_good_news_and_warnings_are_not_told():
    assert said(events.CycleStarted("main"), events.ClockJumped(4.0)) == []


def test_steps_that_fail_for_one_reason_and_its_alarm_are_one_line():
    steps = [events.StepFailed("main", step, "access_refused", "no", "Do it.") for step in ("schedule", "links")]
    alarm = events.AlarmWasRaised("main", "access_refused", "access_refused", "no", "Do it otherwise.")

    assert said(*steps, alarm) == ["backupd: main: no; do it."]


def test_files_that_fail_for_one_reason_are_one_line_that_names_a_few():
    names = ["data/Data_001.zip", "data/Data_002.zip", "attachments/Attachments_001.zip"]

    assert said(*map(failed, names), incomplete()) == [
        "backupd: main: Data_001.zip, Data_002.zip, Attachments_001.zip of job 4004: no room; free some space."
    ]
    assert said(*map(failed, [*names, "data/Data_003.zip"])) == [
        "backupd: main: 4 files of job 4004: no room; free some space."
    ]


def test_files_that_fail_for_different_reasons_are_different_lines():
    assert len(said(failed("data/Data_001.zip"), failed("data/Data_002.zip", "main: data/Data_002.zip: gone"))) == 2


def test_a_zip_that_was_rejected_again_and_again_is_one_line_with_the_newest_reason():
    last = rejected("data/Data_001.zip: its end is missing")

    assert said(rejected("first"), last, failed("data/Data_001.zip", "damaged 3 times"), incomplete(1)) == [
        (
            "backupd: main: Data_001.zip of job 4004 is no whole zip: its end is missing; "
            "it is fetched again by itself, from 2022-06-30 12:01Z on."
        )
    ]


def test_a_job_that_is_incomplete_for_no_reason_told_is_told_itself():
    assert said(incomplete()) == [
        (
            "backupd: main: 2 of 3 files of job 4004 are missing; "
            "the next run goes on; the links live until 2022-06-30 12:01Z."
        )
    ]


def test_a_missed_job_is_told_by_its_alarm_or_else_itself():
    missed = events.JobWasMissed("main", "4004", 3, 1, AT)
    alarm = events.AlarmWasRaised("main", "job_missed/4004", "job_missed", "its links expired", "Order another.")

    assert said(missed) == ["backupd: main: the links of job 4004 expired with 1 of 3 files saved"]
    assert said(missed, alarm) == ["backupd: main: its links expired; order another."]


def test_alarms_of_a_run_that_went_well_are_told():
    alarm = events.AlarmWasRepeated("main", "no_new_backup", "no_new_backup", "none for 30 days", "Look at the vendor.")

    assert said(alarm) == ["backupd: main: none for 30 days; look at the vendor."]


def test_other_failures_are_told_in_the_words_of_messages():
    near = events.DeadlineNear("main", "4004", 6, AT, 20_000.0, None, 2)

    (line,) = said(near)
    assert line.startswith("backupd: main: 2 files of job 4004 are missing, and the links die at 2022-06-30 12:01Z")
    assert "; see `backupd status`" in line


def test_what_it_has_no_words_for_and_faults_with_their_traceback_go_to_the_log():
    logged: list[events.Event] = []
    brief = Brief(logged.append)
    damaged = events.FileDamaged("main", "4004", "main/2022/x", "data/Data_001.zip", "its bytes changed")
    fault = events.CycleFailed("main", "fault", 1, "unexpected", "", ValueError("why"))
    brief(damaged)
    brief(fault)

    assert logged == [damaged, fault]
    assert list(brief.lines()) == []


def test_lines_are_redacted():
    assert said(failed("data/Data_001.zip", "hunter2 was refused")) == [
        "backupd: main: Data_001.zip of job 4004: *** was refused; free some space."
    ]
