"""What people are told: title and text of each kind of message, and that it never becomes a flood."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from backupd.core import events
from backupd.core.conditions import Condition
from backupd.notify.flood import FloodGuard, Pace, Waiting, joined
from backupd.notify.wording import Message, message_of
from tests.fakes.clock import START

DEADLINE = events.DeadlineNear("main", "4003", 6, START + timedelta(hours=6), 21_600.0, 7_200.0, 2)
PUBLISHED = events.JobPublished("main", "4003", "main/2022/2022-06-24_4003", 3, 12_300_000, 95.0)


def raised(key: str = "disk_full", condition: str = "disk_full") -> events.AlarmWasRaised:
    return events.AlarmWasRaised("main", key, condition, "the disk has 3 MB left", "Free some space.")


@pytest.mark.parametrize("condition", Condition)
def test_every_alarm_has_a_title_that_says_org_and_what_to_do(condition):
    message = message_of(raised(condition=condition))

    assert message is not None
    assert message.title.startswith("backupd main: ")
    assert ": " in message.title.removeprefix("backupd main: ")
    assert message.text == "The disk has 3 MB left\nWhat to do: Free some space."


def test_an_alarm_of_a_newer_version_is_told_as_well():
    message = message_of(raised(condition="moon_full"))

    assert message is not None
    assert message.title == "backupd main: moon full: see what to do"


def test_an_alarm_that_is_over_is_told_as_good_news():
    message = message_of(events.AlarmWasCleared("main", "disk_full", "disk_full", "the disk has 3 MB left"))

    assert message is not None
    assert (message.title, message.tone) == ("backupd main: over: the disk is full", "good")


def test_a_deadline_says_how_long_is_left_and_what_is_missing():
    message = message_of(DEADLINE)

    assert message is not None
    assert message.title == "backupd main: links die in 6 hours: see what keeps the download back"
    assert message.text.startswith(
        "2 files of job 4003 are missing, and the links die at 2022-06-24 18:00Z, in 6 hours; "
        "at this pace they need 2 hours."
    )


def test_good_news_is_told_only_when_wished():
    assert message_of(PUBLISHED) is None

    message = message_of(PUBLISHED, success=True)

    assert message is not None
    assert message.title == "backupd main: a backup was archived"
    assert message.text == "Job 4003 is in main/2022/2022-06-24_4003: 3 files, 12.3 MB in 1 minute."


@pytest.mark.parametrize(
    ("kind", "status", "told"),
    [
        ("archive", 73, True),
        ("configuration", 78, True),
        ("fault", 1, True),
        ("access_refused", 77, True),
        ("vendor_unavailable", 69, False),
        ("archive_busy", 75, False),
    ],
)
def test_a_cycle_that_broke_off_is_told_unless_it_passes_or_an_alarm_tells(kind, status, told):
    assert (message_of(events.CycleFailed("main", kind, status, "it failed", "Do this.")) is not None) == told


@pytest.mark.parametrize(
    "event",
    [
        events.RunFailed("main", START),
        events.RunFailed("main", None),
        events.ChoreFailed("main", "scrub", "archive", "the disk fails", "Look."),
        events.LinkWasRefused("main", "4003", "Data_001.zip", "leads to evil.example"),
        events.FileRejected("main", "4003", "data/Data_001.zip", "a member is damaged", 3, START),
        events.PruningRefused("main", "half of the snapshots would go"),
        events.JournalDamaged("main", "line 7 is not what was written"),
        events.SettingsKept("poll.every: has no unit"),
        events.JobRevised("main", "4003", "main/2022/x", 2, 1, 5),
        events.SnapshotHealed("main", "4003", "main/2022/x", 2, 1),
    ],
    ids=lambda event: event.name,
)
def test_other_news_has_a_title_in_one_line_and_a_text(event):
    message = message_of(event, success=True)

    assert message is not None
    assert message.title.startswith("backupd main: " if hasattr(event, "org") else "backupd: ")
    assert message.title.isprintable()
    assert message.text


def test_what_is_not_for_people_is_not_told():
    for event in (
        events.CycleStarted("main"),
        events.TokenRenewed("main", START),
        events.NotifyFailed("m", "", "x", 1),
    ):
        assert message_of(event, success=True) is None


def message(key: str = "a", *, again: bool = False, tone: str = "problem") -> Message:
    return Message((key,), f"title {key}", f"text {key}", tone, again)  # type: ignore[arg-type]  # any tone


def at(seconds: float) -> datetime:
    return datetime(2022, 6, 24, tzinfo=UTC) + timedelta(seconds=seconds)


def test_the_same_is_not_told_twice_a_day():
    guard = FloodGuard()

    assert guard.admits(message(), at(0))
    assert not guard.admits(message(), at(86_399))
    assert guard.admits(message("b"), at(86_399))
    assert guard.admits(message(), at(86_400))


def test_what_was_told_in_a_future_that_did_not_come_holds_nothing_back():
    guard = FloodGuard()
    guard.admits(message(), at(86_400))

    assert guard.admits(message(), at(0))


def test_what_decides_for_itself_when_to_be_told_again_is_told_again():
    guard = FloodGuard()

    assert all(guard.admits(message(again=True), at(now)) for now in (0.0, 1.0, 2.0))


def test_an_alarm_that_could_not_be_written_down_is_told_once_a_day_and_each_change_at_once():
    guard = FloodGuard()
    worse = replace(raised(), extent=2)
    over = events.AlarmWasCleared("main", "disk_full", "disk_full", "it is full")
    told = [(0, raised()), (60, raised()), (61, worse), (62, worse), (63, over), (64, over), (65, raised())]

    messages = [(now, message_of(event)) for now, event in told]
    assert [now for now, one in messages if one is not None and guard.admits(one, at(now))] == [0, 61, 63, 65]


def test_a_few_deliveries_may_follow_each_other_then_one_every_ten_minutes():
    pace = Pace()
    now, waits = 0.0, []
    for _ in range(8):
        waits.append(pace.wait(now))
        now += waits[-1] + 1.0
        pace.delivered(now)

    assert waits[:5] == [0.0] * 5
    assert all(598 <= wait <= 600 for wait in waits[5:])


def test_the_guard_forgets_the_oldest_of_very_many():
    guard = FloodGuard()
    for number in range(1001):
        guard.admits(message(str(number)), at(0))

    assert guard.admits(message("0"), at(1))
    assert not guard.admits(message("1000"), at(1))


def test_several_become_one_with_the_worst_first():
    one = joined([message("a", tone="good"), message("b"), message("c", tone="warning")])

    assert (one.title, one.tone) == ("title b (and 2 more)", "problem")
    assert one.text == "title b\ntext b\n\ntitle c\ntext c\n\ntitle a\ntext a"


def test_of_very_many_the_last_are_counted():
    assert joined([message(str(number)) for number in range(23)]).text.endswith("\n\nAnd 3 more: see the log.")


def waiting(*messages: Message) -> Waiting:
    found = Waiting()
    for one in messages:
        found.add(one)
    return found


def test_of_too_many_the_lightest_are_counted_and_no_alarm_is():
    alarm = message("disk", again=True)
    refused = [message(f"link {number}") for number in range(250)]
    rejected = [message(f"zip {number}", tone="warning") for number in range(250)]

    told, _ = waiting(alarm, *rejected, *refused).take()

    assert told.title == "title disk (and 500 more)"
    assert told.text.startswith("title disk\ntext disk\n\ntitle link 5")
    assert told.text.endswith("\n\nAnd 481 more: see the log.")


def test_good_news_is_counted_while_what_is_bad_waits():
    told, _ = waiting(*(message(str(number)) for number in range(200)), message("good", again=True, tone="good")).take()

    assert told.title.endswith("(and 200 more)")
    assert "good" not in told.text


def test_what_is_told_again_while_it_waits_is_told_once():
    assert waiting(message("a"), message("b"), message("a")).take()[0].title == "title b (and 1 more)"


def test_what_was_taken_does_not_wait():
    found = waiting(message("a"), *(message(str(number)) for number in range(200)))
    found.take()
    assert not found
    found.add(message("b"))

    assert found.take() == (message("b"), (message("b"),))
